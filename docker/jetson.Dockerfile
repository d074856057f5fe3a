# Copyright 2026 The psg_ros authors
# SPDX-License-Identifier: Apache-2.0
#
# The node on a Jetson with JetPack 6 (L4T 36, Ubuntu 22.04, TensorRT 10.3): ROS 2 Humble.
#
#   docker build -f docker/jetson.Dockerfile -t psg_ros:jetson .
#   docker run --rm --runtime nvidia --ipc=host --net=host psg_ros:jetson image:=/camera/image_raw
#
# L4T must be the release on the Jetson (cat /etc/nv_tegra_release), or its driver does not fit.
ARG L4T=r36.4.0
FROM nvcr.io/nvidia/l4t-jetpack:${L4T}

SHELL ["/bin/bash", "-o", "pipefail", "-c"]
ENV DEBIAN_FRONTEND=noninteractive LANG=C.UTF-8
WORKDIR /ws

# ROS 2 Humble by the package that brings its key and its list of sources.
ARG ROS_APT_SOURCE=1.1.0
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl \
    && curl -fsSL -o /tmp/ros2-apt-source.deb "https://github.com/ros-infrastructure/ros-apt-source/releases/download/${ROS_APT_SOURCE}/ros2-apt-source_${ROS_APT_SOURCE}.jammy_all.deb" \
    && apt-get install -y --no-install-recommends /tmp/ros2-apt-source.deb \
    && rm /tmp/ros2-apt-source.deb \
    && apt-get update \
    && apt-get install -y --no-install-recommends ros-humble-ros-base ros-dev-tools python3-pip \
    && rosdep init \
    && rm -rf /var/lib/apt/lists/*

COPY package.xml src/psg_ros/package.xml
# hadolint ignore=DL3008
RUN apt-get update \
    && rosdep update --rosdistro humble \
    && rosdep install --rosdistro humble --from-paths src --ignore-src -y \
        --skip-keys "python3-rosbags-pip" \
    && rm -rf /var/lib/apt/lists/*

# JetPack 6 brings TensorRT's bindings for Python 3.10. pycuda is built here, against its CUDA.
RUN pip3 install --no-cache-dir "numpy<2" simplejpeg==1.9.0 \
    && PATH="/usr/local/cuda/bin:$PATH" pip3 install --no-cache-dir "pycuda>=2024.1"

COPY . src/psg_ros
RUN . /opt/ros/humble/setup.bash \
    && colcon build --cmake-args -DBUILD_TESTING=OFF

COPY docker/entrypoint.sh /entrypoint.sh
ENV ROS_DISTRO=humble PSG_CACHE=/var/cache/psg_ros
# A Jetson lets members of these groups at its GPU.
RUN useradd --uid 1001 --create-home --groups video robot && install -d -o robot -g robot -m 700 "$PSG_CACHE"
USER 1001
VOLUME /var/cache/psg_ros
ENTRYPOINT ["/entrypoint.sh"]
CMD ["image:=/camera/image_raw"]
