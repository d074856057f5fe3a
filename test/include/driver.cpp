// Copyright 2026 The psg_ros authors
// SPDX-License-Identifier: Apache-2.0

// Does with client.hpp what the lines of its standard input say, and prints one line for each.
// Words are separated by tabs, since names hold spaces.

#include <chrono>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "psg_ros/client.hpp"

using psg_ros::msg::GraphDelta;
using psg_ros::msg::GraphVocabulary;
using psg_ros::msg::SceneGraph;

namespace
{

using Words = std::vector<std::string>;

Words split(const std::string & line)
{
  Words words;
  std::istringstream stream(line);
  for (std::string word; std::getline(stream, word, '\t'); ) {words.push_back(word);}
  if (!line.empty() && line.back() == '\t') {words.push_back("");}
  return words;
}

uint32_t number(const std::string & word) {return static_cast<uint32_t>(std::stoul(word));}

psg_ros::msg::SceneNode node(const Words & w)
{
  psg_ros::msg::SceneNode made;
  made.id = number(w[1]);
  made.segment_id = static_cast<uint16_t>(number(w[2]));
  made.class_name = w[3];
  return made;
}

psg_ros::msg::SceneRelation relation(const Words & w)
{
  psg_ros::msg::SceneRelation made;
  made.subject_id = number(w[1]);
  made.predicate_id = static_cast<uint16_t>(number(w[2]));
  made.object_id = number(w[3]);
  made.predicate_name = w[4];
  made.score = std::stof(w[5]);
  made.probability = std::stof(w[6]);
  made.state = static_cast<uint8_t>(number(w[7]));
  return made;
}

class Driver
{
public:
  std::string operator()(const Words & w)
  {
    const auto & verb = w[0];
    if (verb == "node") {
      nodes_.push_back(node(w));
    } else if (verb == "relation") {
      relations_.push_back(relation(w));
    } else if (verb == "segment") {
      delta_.segments.push_back(number(w[1]));
    } else if (verb == "gone_node") {
      delta_.removed_nodes.push_back(number(w[1]));
    } else if (verb == "gone_relation") {
      psg_ros::msg::RelationKey key;
      key.subject_id = number(w[1]);
      key.predicate_id = static_cast<uint16_t>(number(w[2]));
      key.object_id = number(w[3]);
      delta_.removed_relations.push_back(key);
    } else if (verb == "class") {
      psg_ros::msg::ClassInfo info;
      info.name = w[1];
      vocabulary_.classes.push_back(info);
    } else if (verb == "predicate") {
      psg_ros::msg::PredicateInfo info;
      info.name = w[1];
      info.inverse_name = w[2];
      info.symmetric = w[3] == "1";
      vocabulary_.predicates.push_back(info);
    } else if (verb == "vocabulary") {
      vocabulary_.version = number(w[1]);
      scene_.take_vocabulary(vocabulary_);
    } else if (verb == "graph") {
      scene_.take_graph(take_graph(w));
    } else if (verb == "answer") {
      scene_.take_answer(take_graph(w));
      return std::to_string(scene_.index()->graph().sequence);
    } else if (verb == "delta") {
      return take_delta(w);
    } else {
      return ask(w);
    }
    return "";
  }

private:
  std::shared_ptr<const SceneGraph> take_graph(const Words & w)
  {
    auto graph = std::make_shared<SceneGraph>();
    graph->sequence = number(w[1]);
    graph->vocabulary_version = number(w[2]);
    graph->header.stamp.sec = std::stoi(w[3]);
    graph->header.stamp.nanosec = number(w[4]);
    graph->nodes.assign(nodes_.begin(), nodes_.end());
    graph->relations.assign(relations_.begin(), relations_.end());
    nodes_.clear();
    relations_.clear();
    return graph;
  }

  std::string take_delta(const Words & w)
  {
    delta_.base_sequence = number(w[1]);
    delta_.sequence = number(w[2]);
    delta_.keyframe = w[3] == "1";
    delta_.activated.sec = std::stoi(w[4]);
    delta_.vocabulary_version = number(w[5]);
    delta_.nodes.assign(nodes_.begin(), nodes_.end());
    delta_.relations.assign(relations_.begin(), relations_.end());
    nodes_.clear();
    relations_.clear();
    const bool in_step = follower_.apply(delta_);
    scene_.take_delta(delta_);
    delta_ = GraphDelta();
    return (in_step ? "in_step" : "lost") + show(follower_.graph());
  }

  static std::string show(const std::shared_ptr<const SceneGraph> & graph)
  {
    if (!graph) {return "";}
    std::ostringstream out;
    out << "\t" << graph->sequence << "\t";
    for (const auto & n : graph->nodes) {
      out << n.id << ":" << n.segment_id << ":" << n.class_name << " ";
    }
    out << "\t";
    for (const auto & r : graph->relations) {
      out << r.subject_id << ":" << r.predicate_id << ":" << r.object_id << ":" << int{r.state} <<
        " ";
    }
    return out.str();
  }

  std::string ask(const Words & w)
  {
    std::ostringstream out;
    if (w[0] == "find") {
      const auto index = scene_.index();
      const psg_ros::RelationQuery query{w[1], w[2], w[3], std::stof(w[4]), w[5] == "1"};
      const auto found = index->find(query);
      for (const auto * entry : found.relations) {
        out << entry - index->graph().relations.data() << " ";
      }
      out << "\t";
      for (const bool inverted : found.inverted) {out << (inverted ? "1" : "0") << " ";}
      out << "\t";
      for (const auto * entry : found.nodes) {out << entry->id << " ";}
      out << "\t" << scene_.holds(w[1], w[2], w[3], query.min_probability, query.confirmed_only);
    } else if (w[0] == "by_id") {
      const auto found = scene_.by_id(number(w[1]));
      out << (found ? found->class_name : "none");
    } else if (w[0] == "by_class") {
      for (const auto & entry : scene_.by_class(w[1])) {out << entry.id << " ";}
    } else if (w[0] == "age") {
      out << scene_.age(std::stoll(w[1]));
    } else if (w[0] == "wait") {
      return wait(w);
    }
    return out.str();
  }

  /// Waits for a relation while another thread hands over the graph that has been begun.
  std::string wait(const Words & w)
  {
    std::thread coming([this, w] {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        if (w[5] == "1") {scene_.take_graph(take_graph({"graph", "77", "0", "0", "0"}));}
      });
    const auto found = scene_.wait_until(
      [&](const psg_ros::GraphIndex & index) {return index.holds(w[1], w[2], w[3]);},
      std::chrono::duration<double>(std::stod(w[4])));
    coming.join();
    return found ? std::to_string(found->graph().sequence) : "time is over";
  }

  psg_ros::Scene scene_;
  psg_ros::DeltaFollower follower_;
  std::vector<psg_ros::msg::SceneNode> nodes_;
  std::vector<psg_ros::msg::SceneRelation> relations_;
  GraphVocabulary vocabulary_;
  GraphDelta delta_;
};

}  // namespace

int main()
{
  Driver driver;
  for (std::string line; std::getline(std::cin, line); ) {
    try {
      std::cout << driver(split(line)) << std::endl;
    } catch (const psg_ros::QueryError & error) {
      std::cout << "refused\t" << error.what() << std::endl;
    }
  }
  return 0;
}
