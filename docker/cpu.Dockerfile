# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
#
# The node on a plain CPU: ROS 2 Jazzy, OpenVINO on x86-64, ONNX Runtime elsewhere.
#
#   docker build -f docker/cpu.Dockerfile -t psg_ros:cpu .
#   docker run --rm --ipc=host --net=host psg_ros:cpu image:=/camera/image_raw
FROM ros:jazzy-ros-base

SHELL ["/bin/bash", "-o", "pipefail", "-c"]
WORKDIR /ws

# What changes rarely comes first: the layers below are kept between builds.
COPY package.xml src/psg_ros/package.xml
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3-venv python3-pip \
    && rosdep update --rosdistro jazzy \
    && rosdep install --from-paths src --ignore-src -y \
        --skip-keys "python3-onnxruntime-pip python3-rosbags-pip" \
    && rm -rf /var/lib/apt/lists/*

# Ubuntu 24.04 lets pip install only into an environment; apt's cv_bridge needs numpy 1.
RUN python3 -m venv --system-site-packages venv \
    && touch venv/COLCON_IGNORE \
    && if [ "$(uname -m)" = x86_64 ]; then backend="openvino==2026.4.1"; else backend="onnxruntime==1.23.2"; fi \
    && venv/bin/pip install --no-cache-dir "$backend" simplejpeg==1.9.0 "numpy<2"

COPY . src/psg_ros
RUN . /opt/ros/jazzy/setup.bash \
    && . venv/bin/activate \
    && python -m colcon build --cmake-args -DBUILD_TESTING=OFF

COPY docker/entrypoint.sh /entrypoint.sh
ENV ROS_DISTRO=jazzy PSG_CACHE=/var/cache/psg_ros
RUN useradd --uid 1001 --create-home robot && install -d -o robot -g robot -m 700 "$PSG_CACHE"
USER 1001
VOLUME /var/cache/psg_ros
ENTRYPOINT ["/entrypoint.sh"]
CMD ["image:=/camera/image_raw"]
