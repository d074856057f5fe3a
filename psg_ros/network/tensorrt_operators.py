# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What TensorRT's ONNX parser takes: operators, and the types of the tensors they work on.

Source: the support matrix of TensorRT 10.15, `docs/operators.md` of onnx-tensorrt, less what came
after 10.3 (JetPack 6) and what makes shapes depend on data.
"""

from onnx import TensorProto

FLOATS = frozenset({TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16})
NUMBERS = FLOATS | {TensorProto.INT32, TensorProto.INT64}
PLAIN = NUMBERS | {TensorProto.BOOL}
"""All that is computed with. Bytes are for inputs and outputs, the rest is not there."""

_GROUPS = {
    PLAIN: """
        Concat Constant ConstantOfShape Expand EyeLike Flatten Gather GatherElements GatherND
        Identity OneHot Reshape ReverseSequence Shape Size Slice Split Squeeze Tile Transpose Trilu
        Unsqueeze Where
    """,
    NUMBERS: """
        Abs Add ArgMax ArgMin DepthToSpace Div Equal Greater GreaterOrEqual IsNaN Less LessOrEqual
        Max Mean Min Mod Mul Neg Pad Pow Range ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp
        ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu ScatterElements
        ScatterND Shrink Sign SpaceToDepth Sub Sum TopK
    """,
    FLOATS: """
        Acos Acosh Asin Asinh Atan Atanh AveragePool BatchNormalization Ceil Celu Clip Conv
        ConvTranspose Cos Cosh CumSum Dropout Einsum Elu Erf Exp Floor Gemm GlobalAveragePool
        GlobalLpPool GlobalMaxPool GroupNormalization HardSigmoid HardSwish Hardmax
        InstanceNormalization IsInf LayerNormalization LeakyRelu Log LogSoftmax LpNormalization
        LpPool LRN MatMul MaxPool MeanVarianceNormalization PRelu QuantizeLinear Reciprocal Resize
        Round Selu Sigmoid Sin Sinh Softmax Softplus Softsign Sqrt Tan Tanh ThresholdedRelu Upsample
    """,
    frozenset({TensorProto.BOOL}): "And Not Or Xor",
    frozenset({TensorProto.FLOAT, TensorProto.FLOAT16}): "DeformConv GridSample Mish RoiAlign",
    frozenset({TensorProto.INT8, TensorProto.FLOAT8E4M3FN}): "DequantizeLinear",
    PLAIN | {TensorProto.UINT8}: "Cast",
}

OPERATORS = {name: types for types, names in _GROUPS.items() for name in names.split()}
"""Operator -> types of its data, as numbers of `TensorProto`."""

LARGEST_K = 3840
"""Most values that one TopK may return."""
