// Copyright 2026 The psg_ros authors
// SPDX-License-Identifier: Apache-2.0
//
// From masks to the inputs of the relation network: who wins each cell, how much of each relation
// cell a segment covers, and one row for each pair. Stands for psg_ros.robot.ops.panoptic.contest,
// psg_ros.robot.ops.overlap and RelationNetwork.prepare.

// One thread a query: its best class and how likely that is. `class_logits` is [query, columns].
extern "C" __global__ void score_queries(const float *class_logits, float *scores, int *labels,
                                         int num_queries, int columns) {
  const int query = blockIdx.x * blockDim.x + threadIdx.x;
  if (query >= num_queries) return;
  const float *logits = class_logits + (long long)query * columns;
  int best = 0;
  for (int column = 1; column < columns; column++)
    if (logits[column] > logits[best]) best = column;
  float sum = 0;
  for (int column = 0; column < columns; column++) sum += expf(logits[column] - logits[best]);
  scores[query] = 1 / sum;
  labels[query] = best;
}

// One thread a query: those that compete, in their order. A label above the last one is "no object".
// `own_areas` [query] becomes zero, and `num_kept` the number of those in `kept`.
extern "C" __global__ void keep_queries(const float *scores, const int *labels, int *kept,
                                        int *num_kept, int *own_areas, int num_queries,
                                        int num_labels, float threshold) {
  const int query = blockIdx.x * blockDim.x + threadIdx.x;
  if (query >= num_queries) return;
  own_areas[query] = 0;
  int before = 0;
  for (int other = 0; other < query; other++)
    before += labels[other] < num_labels && scores[other] > threshold;
  const int is_kept = labels[query] < num_labels && scores[query] > threshold;
  if (is_kept) kept[before] = query;
  if (query == num_queries - 1) *num_kept = before + is_kept;
}

// Where bilinear enlargement finds a target pixel among `size` source pixels, and how far on.
struct Between {
  int low, high;
  float share;
};

__device__ inline Between between(int target, double scale, int size) {
  Between b;
  const float place = (float)((target + 0.5) * scale - 0.5);
  b.low = (int)floorf(place);
  b.share = place - b.low;
  if (b.low < 0) b.low = 0, b.share = 0;
  if (b.low >= size - 1) b.low = size - 1, b.share = 0;
  b.high = b.low + (b.low < size - 1);
  return b;
}

__device__ inline float mixed(float low, float high, float share) {
  return low * (1 - share) + high * share;
}

// The grid on which masks are predicted, `stride` px of the network input to a cell.
struct Grid {
  int columns, rows, stride;
};

__device__ inline float at_input(const float *mask, const Grid &grid, int x, int y) {
  const Between across = between(x, 1.0 / grid.stride, grid.columns);
  const Between down = between(y, 1.0 / grid.stride, grid.rows);
  const float *upper = mask + down.low * grid.columns, *lower = mask + down.high * grid.columns;
  return mixed(mixed(upper[across.low], upper[across.high], across.share),
               mixed(lower[across.low], lower[across.high], across.share), down.share);
}

// One thread a pixel of the map [height, width] on which masks compete. `masks` holds logits
// [query, grid_h, grid_w] over the whole network input, whose first `content_w` x `content_h` px are
// the picture. A stride of 0 means that the map is a corner of the grid itself; otherwise masks are
// enlarged to the content and, if the map has another size, once more to the map. `codes` gets the
// place in `kept` of the winner, the first among equals, plus num_kept where its own logit is
// negative; 0 without queries. `own_areas` [kept], zero before, counts the pixels of each mask.
extern "C" __global__ void compete(const float *masks, const int *kept, const int *num_kept,
                                   const float *scores, unsigned short *codes, int *own_areas,
                                   int grid_w, int grid_h, int stride, int content_w, int content_h,
                                   int width, int height) {
  const int index = blockIdx.x * blockDim.x + threadIdx.x;
  if (index >= width * height) return;
  const int x = index % width, y = index / width, count = *num_kept;
  const Grid grid = {grid_w, grid_h, stride};
  const bool twice = stride && (width != content_w || height != content_h);
  const Between across = between(x, (double)content_w / width, content_w);
  const Between down = between(y, (double)content_h / height, content_h);
  float best = -1, best_logit = 0;
  int winner = 0;
  for (int place = 0; place < count; place++) {
    const int query = kept[place];
    const float *mask = masks + (long long)query * grid_w * grid_h;
    float logit;
    if (!stride)
      logit = mask[y * grid_w + x];
    else if (!twice)
      logit = at_input(mask, grid, x, y);
    else
      logit = mixed(mixed(at_input(mask, grid, across.low, down.low),
                          at_input(mask, grid, across.high, down.low), across.share),
                    mixed(at_input(mask, grid, across.low, down.high),
                          at_input(mask, grid, across.high, down.high), across.share),
                    down.share);
    if (logit >= 0) atomicAdd(own_areas + place, 1);
    const float value = scores[query] / (1 + expf(-logit));
    if (value > best) best = value, best_logit = logit, winner = place;
  }
  codes[index] = winner + (best_logit < 0 ? count : 0);
}

// One thread a relation cell: share of it under each segment, [segment, cell]. `content` holds
// segments, or a negative number, [content_h, content_w]; what it does not reach belongs to none.
extern "C" __global__ void overlap(const int *content, float *ratios, int num_segments,
                                   int content_w, int content_h, int grid_w, int grid_h,
                                   int cell_w, int cell_h) {
  const int cell = blockIdx.x * blockDim.x + threadIdx.x, cells = grid_w * grid_h;
  if (cell >= cells) return;
  for (int segment = 0; segment < num_segments; segment++) ratios[segment * cells + cell] = 0;
  const int left = cell % grid_w * cell_w, top = cell / grid_w * cell_h;
  const int right = left + cell_w < content_w ? left + cell_w : content_w;
  const int bottom = top + cell_h < content_h ? top + cell_h : content_h;
  for (int y = top; y < bottom; y++)
    for (int x = left; x < right; x++) {
      const int segment = content[y * content_w + x];
      if (segment >= 0) ratios[segment * cells + cell] += 1;
    }
  const double area = (double)cell_w * cell_h;
  for (int segment = 0; segment < num_segments; segment++)
    ratios[segment * cells + cell] = (float)(ratios[segment * cells + cell] / area);
}

// One thread a value of [pair, cells + 4], for both ends of each pair [pair, 2] of segments: the
// overlaps [pair, cells] of either, and their boxes [segment, 4] side by side [pair, 8].
extern "C" __global__ void gather_pairs(const int *pairs, const float *ratios, const float *boxes,
                                        float *subject_overlap, float *object_overlap,
                                        float *pair_boxes, int num_pairs, int cells) {
  const int index = blockIdx.x * blockDim.x + threadIdx.x, columns = cells + 4;
  if (index >= num_pairs * columns) return;
  const int pair = index / columns, column = index % columns;
  const int subject = pairs[2 * pair], object = pairs[2 * pair + 1];
  if (column < cells) {
    subject_overlap[pair * cells + column] = ratios[subject * cells + column];
    object_overlap[pair * cells + column] = ratios[object * cells + column];
  } else {
    pair_boxes[8 * pair + column - cells] = boxes[4 * subject + column - cells];
    pair_boxes[8 * pair + 4 + column - cells] = boxes[4 * object + column - cells];
  }
}
