// Copyright 2026 The psg_ros authors
// SPDX-License-Identifier: Apache-2.0

// Wait until a cup is on a table; CMake: find_package(psg_ros), ${psg_ros_TARGETS}, C++17.
#include <chrono>
#include <memory>
#include <thread>

#include "psg_ros/client.hpp"
#include "rclcpp/rclcpp.hpp"

int main(int argc, char ** argv)
{
  rclcpp::init(argc, argv);
  auto node = std::make_shared<rclcpp::Node>("wait_for_relation");
  psg_ros::Scene scene;
  auto graphs = node->create_subscription<psg_ros::msg::SceneGraph>(
    "scene_graph", 1, [&](psg_ros::msg::SceneGraph::ConstSharedPtr graph) {
      scene.take_graph(graph);
    });
  std::thread spinning([&] {rclcpp::spin(node);});
  const auto found = scene.wait_until(
    [](const auto & graph) {return graph.holds("cup", "on", "table-merged");},
    std::chrono::seconds(60));
  RCLCPP_INFO(node->get_logger(), found ? "a cup is on a table" : "not within a minute");
  rclcpp::shutdown();
  spinning.join();
  return 0;
}
