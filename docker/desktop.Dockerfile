# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
#
# The node on a desktop GPU of NVIDIA: CUDA, TensorRT, ROS 2 Jazzy.
#
#   docker build -f docker/desktop.Dockerfile -t psg_ros:desktop .
#   docker run --rm --gpus all --ipc=host --net=host psg_ros:desktop image:=/camera/image_raw
#
# The base is NVIDIA's image of TensorRT on Ubuntu 24.04; TRT picks its release.
ARG TRT=25.06
FROM nvcr.io/nvidia/tensorrt:${TRT}-py3

SHELL ["/bin/bash", "-o", "pipefail", "-c"]
ENV DEBIAN_FRONTEND=noninteractive LANG=C.UTF-8
WORKDIR /ws

# ROS 2 Jazzy by the package that brings its key and its list of sources.
ARG ROS_APT_SOURCE=1.1.0
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl \
    && curl -fsSL -o /tmp/ros2-apt-source.deb "https://github.com/ros-infrastructure/ros-apt-source/releases/download/${ROS_APT_SOURCE}/ros2-apt-source_${ROS_APT_SOURCE}.noble_all.deb" \
    && apt-get install -y --no-install-recommends /tmp/ros2-apt-source.deb \
    && rm /tmp/ros2-apt-source.deb \
    && apt-get update \
    && apt-get install -y --no-install-recommends ros-jazzy-ros-base ros-dev-tools python3-venv python3-pip \
    && rosdep init \
    && rm -rf /var/lib/apt/lists/*

COPY package.xml src/psg_ros/package.xml
# hadolint ignore=DL3008
RUN apt-get update \
    && rosdep update --rosdistro jazzy \
    && rosdep install --rosdistro jazzy --from-paths src --ignore-src -y \
        --skip-keys "python3-onnxruntime-pip python3-rosbags-pip" \
    && rm -rf /var/lib/apt/lists/*

# TensorRT's own Python bindings are in the base. cuda-python takes the place of pycuda, which has no
# wheel; onnxruntime-gpu is the second way onto the GPU.
RUN /usr/bin/python3 -m venv --system-site-packages venv \
    && touch venv/COLCON_IGNORE \
    && venv/bin/pip install --no-cache-dir cuda-python onnxruntime-gpu simplejpeg==1.9.0 "numpy<2"

COPY . src/psg_ros
RUN . /opt/ros/jazzy/setup.bash \
    && . venv/bin/activate \
    && python -m colcon build --cmake-args -DBUILD_TESTING=OFF

COPY docker/entrypoint.sh /entrypoint.sh
# The GPU may compute; pictures and displays are not needed.
ENV ROS_DISTRO=jazzy PSG_CACHE=/var/cache/psg_ros NVIDIA_DRIVER_CAPABILITIES=compute,utility
RUN useradd --uid 1001 --create-home robot && install -d -o robot -g robot -m 700 "$PSG_CACHE"
USER 1001
VOLUME /var/cache/psg_ros
ENTRYPOINT ["/entrypoint.sh"]
CMD ["image:=/camera/image_raw"]
