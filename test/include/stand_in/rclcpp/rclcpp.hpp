// Copyright 2026 The psg_ros authors
// SPDX-License-Identifier: Apache-2.0

// The few declarations of rclcpp that docs/examples call, to check the examples where none is.

#ifndef RCLCPP__RCLCPP_HPP_
#define RCLCPP__RCLCPP_HPP_

#include <functional>
#include <memory>
#include <string>

namespace rclcpp
{
struct Logger {};

template<typename Message>
struct Subscription {};

struct Node
{
  explicit Node(const std::string & name);
  Logger get_logger() const;

  template<typename Message>
  std::shared_ptr<Subscription<Message>> create_subscription(
    const std::string & topic, int depth,
    std::function<void(typename Message::ConstSharedPtr)> callback);
};

void init(int argc, char ** argv);
void spin(std::shared_ptr<Node> node);
bool shutdown();
}  // namespace rclcpp

void log(const rclcpp::Logger & logger, const char * text);
#define RCLCPP_INFO(logger, text) log(logger, text)

#endif  // RCLCPP__RCLCPP_HPP_
