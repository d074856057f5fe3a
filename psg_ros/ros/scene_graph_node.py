# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The lifecycle node: camera images in, scene graphs out.

configure loads the model, activate subscribes, deactivate unsubscribes and keeps the model, cleanup
frees it. Run as a process it walks to active by itself unless `autostart` is false.
"""

from __future__ import annotations

if __name__ == "__main__":
    from psg_ros.interrupts import end_on_interrupt

    end_on_interrupt()  # before the imports below, which take a while

import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import rclpy
from rcl_interfaces.msg import SetParametersResult
from rclpy.exceptions import ParameterException
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions

from psg_ros.node_config import NodeConfig
from psg_ros.robot.pipeline import Pipeline
from psg_ros.ros import parameters
from psg_ros.ros.arrivals import Arrivals
from psg_ros.ros.failure_log import FailureLog
from psg_ros.ros.frame_processor import FrameProcessor, ReceivedImage
from psg_ros.ros.image_input import ImageInput
from psg_ros.ros.outputs import Outputs
from psg_ros.ros.parameter_files import parameter_files, read_parameter_file
from psg_ros.ros.process import prepare_process
from psg_ros.ros.start import NODE_NAME
from psg_ros.ros.transition_requests import refuse_impossible
from psg_ros.ros.vocabulary_version import VocabularyVersion
from psg_ros.ros.worker import Worker

OpenPipeline = Callable[[NodeConfig], Pipeline]

EXPECTED_ERRORS = (ValueError, OSError, ImportError)
"""What a wrong setting or a missing file raises: one line says it all. Others show their origin."""

SPIN_S = 0.2
"""Longest wait of the executor: a signal is noticed only between two waits."""


class SceneGraphNode(LifecycleNode):
    """Subscribes to a camera and publishes one scene graph per processed image.

    The executor's thread runs every callback and transition; the worker's thread owns the pipeline.

    Args:
        open_pipeline: what configure calls, in the worker's thread, to get the model.
        arguments: command line that `rclpy.init` was given, None for that of the process. Tells
            the parameters of other nodes in a file for all (`/**`) from misspelled ones of ours.

    Raises:
        ValueError: a parameter was given with the wrong type or outside its range.
    """

    def __init__(
        self,
        open_pipeline: OpenPipeline = Pipeline.open,
        arguments: Sequence[str] | None = None,
        **node_arguments: Any,
    ) -> None:
        super().__init__(NODE_NAME, **node_arguments)
        self.finished = False
        self._open_pipeline = open_pipeline
        self._config: NodeConfig | None = None
        self._failures = FailureLog(lambda text: self.get_logger().error(text))
        self._pipeline: Pipeline | None = None
        self._worker: Worker[Pipeline, ReceivedImage] | None = None
        self._outputs: Outputs | None = None
        self._input: ImageInput | None = None
        self._version = VocabularyVersion()
        parameters.declare(self)
        shared_line = sys.argv if arguments is None else arguments
        self._ignored = parameters.others_parameters(self, shared_line, **node_arguments)
        self.autostart: bool = self.get_parameter("autostart").value
        self.add_on_set_parameters_callback(self._on_set_parameters)
        refuse_impossible(self)

    def destroy_node(self) -> None:
        """Release everything, in whatever state; the model's thread would outlive the node."""
        self._release()
        super().destroy_node()

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Read the parameters, load the model and offer the topics."""
        result = self._attempt("configure", self._configure)
        if result != TransitionCallbackReturn.SUCCESS:
            self._release()
        return result

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe and count graphs from 1."""
        super().on_activate(state)
        result = self._attempt("activate", self._activate)
        if result != TransitionCallbackReturn.SUCCESS:
            self.on_deactivate(state)
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unsubscribe; returns when the current frame is done."""
        self._stop_feeding()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Close the model and withdraw the topics."""
        self._release()
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Release everything, whatever the state was; the process ends."""
        self._release()
        self.finished = True
        return TransitionCallbackReturn.SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Release everything, so that configure may be tried again."""
        self._release()
        return TransitionCallbackReturn.SUCCESS

    def _configure(self) -> None:
        config = self._config = parameters.read_config(self, self._ignored)
        started_s = time.monotonic()
        worker = self._worker = Worker(
            lambda: self._open_pipeline(config),
            lambda pipeline, frame: self._processor(pipeline, frame),
            self._failures,
        )
        self._pipeline = worker.open()
        self._outputs = Outputs(self)
        self._processor = FrameProcessor(
            config, self._outputs, self._version, self.get_clock(), lambda: worker.dropped_before
        )
        self.get_logger().info(
            f"model {self._pipeline.model_name} on {self._pipeline.backend_name} "
            f"({self._pipeline.device}, {self._pipeline.precision}), "
            f"loaded in {time.monotonic() - started_s:.1f} s"
        )

    def _activate(self) -> None:
        assert self._worker is not None and self._pipeline is not None and self._config is not None
        self._processor.restart()
        self._processor.publish_vocabulary(self._pipeline)
        self._worker.resume()
        self._input = ImageInput(self, self._config, self._on_image)
        self.get_logger().info(f"listening to {self._input.topic}")

    def _on_image(self, message: Any, arrivals: Arrivals) -> None:
        assert self._worker is not None and self._outputs is not None and self._config is not None
        if self._outputs.need_images(annotated=self._config.annotated_image):
            now = self.get_clock().now().to_msg()
            self._worker.put(ReceivedImage(message, now, arrivals.counts))
            return
        arrivals.skip()
        self._processor.skip()
        self.get_logger().info(
            "nobody listens to the graph or a picture: images are skipped until somebody does",
            once=True,
        )

    def _on_set_parameters(self, changes: Sequence[Parameter]) -> SetParametersResult:
        try:
            config = parameters.changed_config(self._config, changes)
        except (ValueError, TypeError) as error:
            return SetParametersResult(successful=False, reason=str(error))
        if config is not None and config is not self._config:
            self._config = config
            self._processor.change_config(config)
        return SetParametersResult(successful=True)

    def _stop_feeding(self) -> None:
        if self._input is not None:
            self._input.close()
            self._input = None
        if self._worker is not None:
            self._worker.pause()

    def _release(self) -> None:
        self._stop_feeding()
        if self._worker is not None:
            self._worker.close()
        if self._outputs is not None:
            self._outputs.close()
        self._config = self._worker = self._outputs = self._pipeline = None

    def _attempt(self, what: str, action: Callable[[], None]) -> TransitionCallbackReturn:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - rclpy would drop the reason in silence
            text = f"{what} failed: {error}"
            if not isinstance(error, EXPECTED_ERRORS):
                text += f"\n{traceback.format_exc().rstrip()}"
            self.get_logger().error(text)
            return TransitionCallbackReturn.FAILURE
        return TransitionCallbackReturn.SUCCESS


def main(args: Sequence[str] | None = None, open_pipeline: OpenPipeline = Pipeline.open) -> int:
    """Run the node as a process until SIGINT, SIGTERM or a shutdown transition.

    Returns:
        The exit status: 0, or 1 when the node could not be made, configured or activated.
    """
    complaint = prepare_process()
    stop = _stop_on_signals()
    arguments = list(sys.argv if args is None else args)
    try:
        for path in parameter_files(arguments):
            read_parameter_file(path)  # its refusal is shorter than rcl's
        # rclpy's own handlers would take the middleware away while a frame is being processed.
        rclpy.init(
            args=arguments,
            signal_handler_options=SignalHandlerOptions.NO,
        )
        node = SceneGraphNode(open_pipeline, arguments)
    except (RuntimeError, ValueError, ParameterException) as error:
        print(f"{NODE_NAME}: {' '.join(str(error).split())}", file=sys.stderr)
        rclpy.try_shutdown()
        return 1
    if complaint:
        node.get_logger().warning(complaint)
    try:
        return _run(node, stop)
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


def _run(node: SceneGraphNode, stop: threading.Event) -> int:
    started = not node.autostart or all(
        trigger() == TransitionCallbackReturn.SUCCESS
        for trigger in (node.trigger_configure, node.trigger_activate)
    )
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    while started and not stop.is_set() and not node.finished:
        executor.spin_once(timeout_sec=SPIN_S)
    executor.shutdown()
    if not node.finished:
        node.trigger_shutdown()
    return 0 if started else 1


def _stop_on_signals() -> threading.Event:
    """Return an event that SIGINT and SIGTERM set; the second signal of a kind kills as usual."""
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    return stop


if __name__ == "__main__":
    sys.exit(main())
