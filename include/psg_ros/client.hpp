// Copyright 2026 The psg_ros authors
// SPDX-License-Identifier: Apache-2.0

// For consumers of /scene_graph: the newest graph, indexed, to ask and to wait for.
//
// The same as psg_ros/client.py, which the tests compare it with; the rules of patterns are written
// in srv/QueryRelations.srv, those of deltas in msg/GraphDelta.msg. Needs C++17 and the generated
// messages, no rclcpp: whoever receives messages hands them over.

#ifndef PSG_ROS__CLIENT_HPP_
#define PSG_ROS__CLIENT_HPP_

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "psg_ros/msg/graph_delta.hpp"
#include "psg_ros/msg/graph_vocabulary.hpp"
#include "psg_ros/msg/scene_graph.hpp"

namespace psg_ros
{

/// A question that has no answer; what() says why.
class QueryError : public std::invalid_argument
{
public:
  using std::invalid_argument::invalid_argument;
};

/// Returns a name as names are compared: lower case (of ASCII), words joined by single spaces.
inline std::string plain_name(const std::string & name)
{
  std::string plain;
  bool between = false;
  for (const unsigned char letter : name) {
    if (letter == '_' || std::isspace(letter)) {
      between = !plain.empty();
      continue;
    }
    if (between) {plain += ' ';}
    between = false;
    plain += static_cast<char>(std::tolower(letter));
  }
  return plain;
}

/// What relations are sorted by: the probability, the score where that is NaN.
inline float confidence(const msg::SceneRelation & relation)
{
  return std::isnan(relation.probability) ? relation.score : relation.probability;
}

/// What a vocabulary says of its words. Without one every word is taken as it is.
class Words
{
public:
  Words() = default;

  explicit Words(const msg::GraphVocabulary & vocabulary)
  {
    for (const auto & entry : vocabulary.classes) {classes_.insert(plain_name(entry.name));}
    for (const auto & entry : vocabulary.predicates) {
      const auto name = plain_name(entry.name);
      predicates_.insert(name);
      if (entry.symmetric) {symmetric_.insert(name);}
      if (!entry.inverse_name.empty()) {
        const auto inverse = plain_name(entry.inverse_name);
        predicates_.insert(inverse);
        inverses_[inverse].insert(name);
      }
    }
  }

  void check_class(const std::string & name) const {check(name, classes_, "class");}
  void check_predicate(const std::string & name) const {check(name, predicates_, "predicate");}

  /// Returns the predicates that say this one with subject and object swapped; for "" those that
  /// say themselves.
  std::set<std::string> inverses(const std::string & predicate) const
  {
    if (predicate.empty()) {return symmetric_;}
    const auto found = inverses_.find(predicate);
    auto all = found == inverses_.end() ? std::set<std::string>{} : found->second;
    if (symmetric_.count(predicate)) {all.insert(predicate);}
    return all;
  }

private:
  static void check(
    const std::string & name, const std::set<std::string> & known, const std::string & what)
  {
    if (known.empty() || known.count(name)) {return;}
    std::string list;
    for (const auto & word : known) {list += (list.empty() ? "" : ", ") + word;}
    throw QueryError("the vocabulary has no " + what + " '" + name + "' (known are " + list + ")");
  }

  std::set<std::string> classes_, predicates_, symmetric_;
  std::map<std::string, std::set<std::string>> inverses_;
};

/// Which relations are wanted; see srv/QueryRelations.srv.
struct RelationQuery
{
  std::string subject{};
  std::string predicate{};
  std::string object{};
  float min_probability = 0.0F;
  bool confirmed_only = false;
};

/// The answer to a query. The pointers are good as long as the index.
struct Found
{
  /// As the graph lists them.
  std::vector<const msg::SceneRelation *> relations;
  /// For each, whether the subject that was asked for is its object.
  std::vector<bool> inverted;
  /// Both ends of all relations, each once.
  std::vector<const msg::SceneNode *> nodes;
};

/// One graph, indexed; never changes, so any number of threads may ask.
class GraphIndex
{
public:
  explicit GraphIndex(
    std::shared_ptr<const msg::SceneGraph> graph, std::shared_ptr<const Words> words = nullptr)
  : graph_(std::move(graph)), words_(words ? std::move(words) : std::make_shared<const Words>())
  {
    for (const auto & node : graph_->nodes) {
      by_id_[node.id] = &node;
      by_class_[plain_name(node.class_name)].push_back(&node);
    }
  }

  const msg::SceneGraph & graph() const {return *graph_;}
  std::shared_ptr<const msg::SceneGraph> shared_graph() const {return graph_;}

  /// Returns the node with that id; nullptr if there is none.
  const msg::SceneNode * by_id(uint32_t id) const
  {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : found->second;
  }

  /// Returns the nodes of a class; case does not matter, nor do _ and space differ.
  std::vector<const msg::SceneNode *> by_class(const std::string & name) const
  {
    const auto found = by_class_.find(plain_name(name));
    return found == by_class_.end() ? std::vector<const msg::SceneNode *>{} : found->second;
  }

  /// Returns whether any relation fits the three patterns; throws as find().
  bool holds(
    const std::string & subject, const std::string & predicate, const std::string & object,
    float min_probability = 0.0F, bool confirmed_only = false) const
  {
    return !find({subject, predicate, object, min_probability, confirmed_only}).relations.empty();
  }

  /// Returns how many seconds before now the image was taken; negative if after it.
  double age(int64_t now_ns) const
  {
    const auto & stamp = graph_->header.stamp;
    return static_cast<double>(now_ns - int64_t{stamp.sec} * 1000000000 - stamp.nanosec) / 1e9;
  }

  /// Returns the relations that a query asks for, in the order of the graph.
  /// Throws QueryError for what cannot be meant, and for a word that the vocabulary does not have.
  Found find(const RelationQuery & query) const
  {
    if (!(query.min_probability >= 0.0F && query.min_probability <= 1.0F)) {
      throw QueryError(
              "min_probability must lie in 0..1, not " + std::to_string(query.min_probability));
    }
    const auto subjects = ids(query.subject), objects = ids(query.object);
    const auto wanted = plain_name(query.predicate);
    if (!wanted.empty()) {words_->check_predicate(wanted);}
    const auto swapped = words_->inverses(wanted);
    const auto among = [](uint32_t id, const Ids & all) {return !all || all->count(id);};

    Found found;
    std::set<uint32_t> ends;
    for (const auto & relation : graph_->relations) {
      const auto name = plain_name(relation.predicate_name);
      const auto subject = relation.subject_id, object = relation.object_id;
      const bool forward = (wanted.empty() || wanted == name) &&
        among(subject, subjects) && among(object, objects);
      const bool inverted = !forward && swapped.count(name) &&
        among(object, subjects) && among(subject, objects);
      const bool sure = confidence(relation) >= query.min_probability &&
        (!query.confirmed_only || relation.state == msg::SceneRelation::STATE_CONFIRMED);
      if (!sure || !(forward || inverted)) {continue;}
      found.relations.push_back(&relation);
      found.inverted.push_back(inverted);
      for (const auto end : {subject, object}) {
        const auto node = by_id(end);
        if (node && ends.insert(end).second) {found.nodes.push_back(node);}
      }
    }
    return found;
  }

private:
  using Ids = std::optional<std::set<uint32_t>>;  // nullopt: all

  Ids ids(const std::string & pattern) const
  {
    const auto begin = pattern.find_first_not_of(" \t\n\r\f\v");
    if (begin == std::string::npos) {return std::nullopt;}
    if (pattern[begin] == '#') {return ids_of_number(pattern, begin + 1);}
    const auto name = plain_name(pattern);
    words_->check_class(name);
    std::set<uint32_t> found;
    for (const auto node : by_class(name)) {found.insert(node->id);}
    return found;
  }

  Ids ids_of_number(const std::string & pattern, size_t begin) const
  {
    const auto end = pattern.find_last_not_of(" \t\n\r\f\v") + 1;
    uint64_t number = 0;
    for (auto place = begin; place < end; ++place) {
      if (pattern[place] < '0' || pattern[place] > '9') {begin = end;}
      // Beyond the largest id it stays beyond.
      number = std::min(number * 10 + (pattern[place] - '0'), uint64_t{1} << 40);
    }
    if (begin >= end) {
      throw QueryError("'" + pattern + "' is no node; write #12 for the one with id 12");
    }
    const bool fits = number <= std::numeric_limits<uint32_t>::max();
    const auto node = fits ? by_id(static_cast<uint32_t>(number)) : nullptr;
    return node ? std::set<uint32_t>{node->id} : std::set<uint32_t>{};
  }

  std::shared_ptr<const msg::SceneGraph> graph_;
  std::shared_ptr<const Words> words_;
  std::map<uint32_t, const msg::SceneNode *> by_id_;
  std::map<std::string, std::vector<const msg::SceneNode *>> by_class_;
};

/// Rebuilds one publisher's graph from its deltas.
class DeltaFollower
{
public:
  /// The graph, without timing; nullptr while a delta was missed, or before the first one.
  std::shared_ptr<const msg::SceneGraph> graph() const {return graph_;}

  /// Goes on from a whole graph; see psg_ros.graph_delta.
  void start_from(std::shared_ptr<const msg::SceneGraph> graph)
  {
    nodes_.clear();
    relations_.clear();
    for (const auto & node : graph->nodes) {nodes_[node.id] = node;}
    for (const auto & relation : graph->relations) {relations_[key(relation)] = relation;}
    graph_ = std::move(graph);
  }

  /// Takes over a delta and returns whether the graph is up to date with it.
  bool apply(const msg::GraphDelta & delta)
  {
    if (delta.keyframe) {
      nodes_.clear();
      relations_.clear();
    } else if (!graph_ || context(*graph_) != context(delta)) {
      return lose_step();
    } else if (delta.sequence <= graph_->sequence) {
      return true;
    } else if (delta.base_sequence != graph_->sequence) {
      return lose_step();
    }
    for (const auto id : delta.removed_nodes) {nodes_.erase(id);}
    for (const auto & entry : delta.removed_relations) {relations_.erase(key(entry));}
    for (const auto & node : delta.nodes) {nodes_[node.id] = node;}
    for (const auto & relation : delta.relations) {relations_[key(relation)] = relation;}
    if (!is_whole(delta)) {return lose_step();}
    rebuild(delta);
    return true;
  }

private:
  using Key = std::tuple<uint32_t, uint16_t, uint32_t>;
  using Context = std::tuple<
    uint16_t, int32_t, uint32_t, std::string, uint32_t, uint32_t, uint32_t, std::string>;

  template<typename Relation>
  static Key key(const Relation & r) {return {r.subject_id, r.predicate_id, r.object_id};}

  /// Returns what must not change between two deltas.
  template<typename Message>
  static Context context(const Message & m)
  {
    return {
      m.schema_version, m.activated.sec, m.activated.nanosec, m.camera, m.vocabulary_version,
      m.image_width, m.image_height, m.spatial_frame_id};
  }

  bool lose_step()
  {
    graph_.reset();
    return false;
  }

  bool is_whole(const msg::GraphDelta & delta) const
  {
    const auto there = [this](uint32_t id) {return nodes_.count(id) > 0;};
    return std::all_of(
      delta.segments.begin(), delta.segments.end(),
      [&](uint32_t id) {return !id || there(id);}) &&
           std::all_of(
      relations_.begin(), relations_.end(), [&](const auto & entry) {
        return there(entry.second.subject_id) && there(entry.second.object_id);
      });
  }

  void rebuild(const msg::GraphDelta & delta)
  {
    auto graph = std::make_shared<msg::SceneGraph>();
    graph->header = delta.header;
    graph->schema_version = delta.schema_version;
    graph->activated = delta.activated;
    graph->sequence = delta.sequence;
    graph->camera = delta.camera;
    graph->vocabulary_version = delta.vocabulary_version;
    graph->image_width = delta.image_width;
    graph->image_height = delta.image_height;
    graph->spatial_frame_id = delta.spatial_frame_id;
    graph->quality = delta.quality;
    for (auto & entry : nodes_) {entry.second.segment_id = 0;}
    for (size_t place = 0; place < delta.segments.size(); ++place) {
      if (!delta.segments[place]) {continue;}
      auto & node = nodes_.at(delta.segments[place]);
      node.segment_id = static_cast<uint16_t>(place + 1);
      graph->nodes.push_back(node);
    }
    for (const auto & entry : nodes_) {
      if (!entry.second.segment_id) {graph->nodes.push_back(entry.second);}
    }
    for (const auto & entry : relations_) {graph->relations.push_back(entry.second);}
    std::stable_sort(
      graph->relations.begin(), graph->relations.end(),
      [](const auto & a, const auto & b) {return confidence(a) > confidence(b);});
    graph_ = std::move(graph);
  }

  std::shared_ptr<const msg::SceneGraph> graph_;
  std::map<uint32_t, msg::SceneNode> nodes_;
  std::map<Key, msg::SceneRelation> relations_;
};

/// The newest graph of one publisher; any thread may hand over messages or ask.
class Scene
{
public:
  using Condition = std::function<bool (const GraphIndex &)>;

  /// The newest graph; nullptr before the first one.
  std::shared_ptr<const GraphIndex> index() const
  {
    std::lock_guard<std::mutex> lock(mutex_);
    return index_;
  }

  /// Takes the place of the last graph.
  void take_graph(std::shared_ptr<const msg::SceneGraph> graph)
  {
    std::lock_guard<std::mutex> lock(mutex_);
    follower_.start_from(graph);
    set(std::move(graph));
  }

  /// Takes the graph that GetSceneGraph answered with after a delta was missed. It does not count
  /// where a keyframe or a later graph was faster: nobody goes back in time.
  void take_answer(std::shared_ptr<const msg::SceneGraph> graph)
  {
    std::lock_guard<std::mutex> lock(mutex_);
    const bool past = index_ && index_->graph().activated == graph->activated &&
      graph->sequence < index_->graph().sequence;
    if (follower_.graph() || past) {return;}
    follower_.start_from(graph);
    set(std::move(graph));
  }

  /// Applies a delta and returns whether the graph is up to date with it. If not, it stays as it
  /// was until the next keyframe, or until take_answer gets the answer of GetSceneGraph.
  bool take_delta(const msg::GraphDelta & delta)
  {
    std::lock_guard<std::mutex> lock(mutex_);
    const bool in_step = follower_.apply(delta);
    const auto graph = follower_.graph();
    if (graph && (!index_ || index_->shared_graph() != graph)) {set(graph);}
    return in_step;
  }

  /// Knows inverse and symmetric predicates, and which words exist, from now on.
  void take_vocabulary(const msg::GraphVocabulary & vocabulary)
  {
    std::lock_guard<std::mutex> lock(mutex_);
    words_[vocabulary.version] = std::make_shared<const Words>(vocabulary);
    if (index_) {set(index_->shared_graph());}
  }

  /// Returns the node with that id, if there is one.
  std::optional<msg::SceneNode> by_id(uint32_t id) const
  {
    const auto now = index();
    const auto node = now ? now->by_id(id) : nullptr;
    return node ? std::make_optional(*node) : std::nullopt;
  }

  /// Returns the nodes of a class.
  std::vector<msg::SceneNode> by_class(const std::string & name) const
  {
    std::vector<msg::SceneNode> nodes;
    const auto now = index();
    if (!now) {return nodes;}
    for (const auto node : now->by_class(name)) {nodes.push_back(*node);}
    return nodes;
  }

  /// Returns whether any relation fits the patterns; see GraphIndex::holds.
  bool holds(
    const std::string & subject, const std::string & predicate, const std::string & object,
    float min_probability = 0.0F, bool confirmed_only = false) const
  {
    const auto now = index();
    return now && now->holds(subject, predicate, object, min_probability, confirmed_only);
  }

  /// Returns how many seconds ago the image was taken; infinite before the first graph.
  double age(int64_t now_ns) const
  {
    const auto now = index();
    return now ? now->age(now_ns) : std::numeric_limits<double>::infinity();
  }

  /// Returns the first graph that meets a condition, the present one included; nullptr when the
  /// time is over. Another thread must hand over the messages.
  std::shared_ptr<const GraphIndex> wait_until(
    const Condition & condition, std::chrono::duration<double> timeout)
  {
    const auto end = std::chrono::steady_clock::now() +
      std::chrono::duration_cast<std::chrono::steady_clock::duration>(timeout);
    std::unique_lock<std::mutex> lock(mutex_);
    while (true) {
      const auto now = index_;
      const auto seen = count_;
      lock.unlock();  // the condition may take its time, and may ask this scene
      if (now && condition(*now)) {return now;}
      lock.lock();
      if (!news_.wait_until(lock, end, [&] {return count_ != seen;})) {return nullptr;}
    }
  }

private:
  void set(std::shared_ptr<const msg::SceneGraph> graph)
  {
    const auto words = words_.find(graph->vocabulary_version);
    index_ = std::make_shared<const GraphIndex>(
      std::move(graph), words == words_.end() ? nullptr : words->second);
    ++count_;
    news_.notify_all();
  }

  mutable std::mutex mutex_;
  std::condition_variable news_;
  std::shared_ptr<const GraphIndex> index_;
  uint64_t count_ = 0;
  std::map<uint32_t, std::shared_ptr<const Words>> words_;
  DeltaFollower follower_;
};

}  // namespace psg_ros

#endif  // PSG_ROS__CLIENT_HPP_
