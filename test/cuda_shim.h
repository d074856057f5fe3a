// Copyright 2026 The psg_ros authors
// SPDX-License-Identifier: Apache-2.0
//
// Enough of CUDA for g++ to compile a kernel and run its threads one after the other.
#include <cmath>
using std::ceil;
using std::floor;

#define __global__
#define __device__

struct Place {
  int x;
};
static Place blockIdx, blockDim, threadIdx;

static inline int atomicAdd(int *address, int value) {
  const int before = *address;
  *address += value;
  return before;
}
