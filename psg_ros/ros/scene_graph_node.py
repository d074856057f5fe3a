# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The lifecycle node: images of one or several cameras in, scene graphs out.

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
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticStatus
from rcl_interfaces.msg import SetParametersResult
from rclpy.exceptions import ParameterException
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions

from psg_ros.labels import Vocabulary
from psg_ros.node_config import NodeConfig
from psg_ros.robot.pipeline import Pipeline
from psg_ros.ros import parameters
from psg_ros.ros.camera_stream import CameraStream
from psg_ros.ros.diagnostics import Diagnostics, camera_status, model_status, spade_status
from psg_ros.ros.frame_processor import ReceivedImage
from psg_ros.ros.parameter_files import parameter_files, read_parameter_file
from psg_ros.ros.process import prepare_process
from psg_ros.ros.spade_stage import SpadeProcess
from psg_ros.ros.start import NODE_NAME
from psg_ros.ros.tf_input import SharedTf
from psg_ros.ros.topics import NOT_OFFERED
from psg_ros.ros.transition_requests import refuse_impossible
from psg_ros.ros.vocabulary_version import VocabularyVersion
from psg_ros.ros.word_service import WordService
from psg_ros.ros.worker import Worker

OpenPipeline = Callable[[NodeConfig], Pipeline]

EXPECTED_ERRORS = (ValueError, OSError, ImportError)
"""What a wrong setting or a missing file raises: one line says it all. Others show their origin."""

SPIN_S = 0.2
"""Longest wait of the executor: a signal is noticed only between two waits."""


class SceneGraphNode(LifecycleNode):
    """Subscribes to its cameras and publishes one scene graph per processed image.

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
        self._worker: Worker[Pipeline, ReceivedImage] | None = None
        self._streams: list[CameraStream] = []
        self._spade: SpadeProcess | None = None
        self._pipeline: Pipeline | None = None
        self._refusal = ""
        self._version = VocabularyVersion()
        parameters.declare(self)
        shared_line = sys.argv if arguments is None else arguments
        self._ignored = parameters.others_parameters(self, shared_line, **node_arguments)
        self.autostart: bool = self.get_parameter("autostart").value
        self.build_only: bool = self.get_parameter("build_only").value
        self.add_on_set_parameters_callback(self._on_set_parameters)
        refuse_impossible(self)
        Diagnostics(self, self._statuses)
        WordService(self, self._offer_words)

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
        streams, cameras = self._streams, config.of_each_camera()
        worker = self._worker = Worker(
            lambda: self._open_pipeline(config),
            lambda source, image: streams[source].process(image),
            lambda source, error: streams[source].fail(error),
            num_sources=len(cameras),
        )
        pipeline = self._pipeline = worker.open()
        if config.spade_model and not self.build_only:
            self._spade = SpadeProcess(config.spade_model, self.get_logger().warning)
        tf = SharedTf(self)
        for source, (prefix, camera_config) in enumerate(cameras.items()):
            own = pipeline.another_stream() if source else pipeline
            streams.append(
                CameraStream(
                    self, camera_config, prefix, own, self._version, worker, source, tf, self._spade
                )
            )
        self.get_logger().info(
            f"model {pipeline.model_name} on {pipeline.backend_name} "
            f"({pipeline.device}, {pipeline.precision}), "
            f"loaded in {time.monotonic() - started_s:.1f} s"
        )
        for topic, package in NOT_OFFERED.items():
            self.get_logger().info(f"{topic} is not offered: {package} is not installed")

    def _activate(self) -> None:
        assert self._worker is not None
        for stream in self._streams:
            stream.activate()
        self._worker.resume()

    def _on_set_parameters(self, changes: Sequence[Parameter]) -> SetParametersResult:
        try:
            config = parameters.changed_config(self._config, changes)
            if config is not None and self._pipeline is not None:
                self._pipeline.check_config(config)
        except (ValueError, TypeError) as error:
            return SetParametersResult(successful=False, reason=str(error))
        if config is not None and config is not self._config:
            self._config = config
            for stream, changed in zip(
                self._streams, config.of_each_camera().values(), strict=True
            ):
                stream.change_config(changed)
        return SetParametersResult(successful=True)

    def _offer_words(self) -> Vocabulary | None:
        if self._pipeline is None or self._config is None:
            return None
        return self._pipeline.offer_words(self._config.of_each_camera().values())

    def _stop_feeding(self) -> None:
        for stream in self._streams:
            stream.deactivate()
        if self._worker is not None:
            self._worker.pause()
        for stream in self._streams:
            stream.outputs.take_leave()

    def _release(self) -> None:
        self._stop_feeding()
        if self._worker is not None:
            self._worker.close()
        if self._spade is not None:
            self._spade.close()
        for stream in self._streams:
            stream.close()
        self._config = self._worker = self._pipeline = self._spade = None
        self._streams = []

    def _attempt(self, what: str, action: Callable[[], None]) -> TransitionCallbackReturn:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - rclpy would drop the reason in silence
            text = self._refusal = f"{what} failed: {error}"
            if not isinstance(error, EXPECTED_ERRORS):
                text += f"\n{traceback.format_exc().rstrip()}"
            self.get_logger().error(text)
            return TransitionCallbackReturn.FAILURE
        self._refusal = ""
        return TransitionCallbackReturn.SUCCESS

    def _statuses(self) -> Iterator[DiagnosticStatus]:
        """Yield the health of the node and of each active camera."""
        name, cameras = self.get_name(), []
        for stream in self._streams:
            if facts := stream.facts():
                label = f"{name}: camera {stream.name}".rstrip()
                cameras.append(camera_status(label, facts))
        state = "active" if cameras else "inactive" if self._pipeline else "unconfigured"
        yield model_status(name, state, self._pipeline, self._refusal)
        if self._spade is not None:
            yield spade_status(f"{name}: SPADE", self._spade.facts)
        yield from cameras


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
    if node.build_only:
        built = node.trigger_configure() == TransitionCallbackReturn.SUCCESS
        node.trigger_shutdown()
        return 0 if built else 1
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
