// Copyright 2026 The psg_ros authors
// SPDX-License-Identifier: Apache-2.0
//
// Camera bytes -> network input in one pass: colour order, scaling, padding. Stands for
// psg_ros.pictures.image_decoding and for psg_ros.robot.ops.image: `prepare` for the recipe "area",
// `prepare_antialiased` for the others. Only the bytes that are needed are read, and no picture of
// the camera's size is written.

enum Format { RGB8, BGR8, RGBA8, BGRA8, MONO8, YUYV, UYVY, NV12, NV21, RGGB, BGGR, GBRG, GRBG };

struct Picture {
  const unsigned char *bytes;
  int format, step, width, height;  // step: bytes of a row
};

struct Rgb {
  float r, g, b;
};

__device__ inline int at(const Picture &p, int row, int byte) {
  return p.bytes[(long long)row * p.step + byte];
}

__device__ inline int limited(int low, int value, int high) {
  return value < low ? low : value > high ? high : value;
}

// BT.601 in limited range, in the integers of OpenCV.
__device__ inline Rgb from_yuv(int y, int u, int v) {
  const int half = 1 << 19;
  y = limited(0, y - 16, 255) * 1220542;
  u -= 128;
  v -= 128;
  Rgb rgb;
  rgb.r = limited(0, (y + 1673527 * v + half) >> 20, 255);
  rgb.g = limited(0, (y - 852492 * v - 409993 * u + half) >> 20, 255);
  rgb.b = limited(0, (y + 2116026 * u + half) >> 20, 255);
  return rgb;
}

// Bilinear demosaicing; a pixel of the border repeats its neighbour inside.
__device__ inline Rgb from_mosaic(const Picture &p, int x, int y) {
  x = limited(1, x, p.width - 2);
  y = limited(1, y, p.height - 2);
  const int red_row = p.format == GBRG || p.format == BGGR;
  const int red_column = p.format == GRBG || p.format == BGGR;
  const int in_red_row = (y & 1) == red_row, in_red_column = (x & 1) == red_column;
  const int here = at(p, y, x);
  const int beside = at(p, y, x - 1) + at(p, y, x + 1);
  const int above = at(p, y - 1, x) + at(p, y + 1, x);
  const int corners = at(p, y - 1, x - 1) + at(p, y - 1, x + 1) + at(p, y + 1, x - 1) +
                      at(p, y + 1, x + 1);
  Rgb rgb;
  if (in_red_row == in_red_column) {  // red or blue, where green lies all around
    const int other = (corners + 2) >> 2;
    rgb.r = in_red_row ? here : other;
    rgb.g = (beside + above + 2) >> 2;
    rgb.b = in_red_row ? other : here;
  } else {  // green: red beside it in a red row, above it in the others
    rgb.r = ((in_red_row ? beside : above) + 1) >> 1;
    rgb.g = here;
    rgb.b = ((in_red_row ? above : beside) + 1) >> 1;
  }
  return rgb;
}

__device__ inline Rgb pixel(const Picture &p, int x, int y) {
  Rgb rgb;
  switch (p.format) {
    case RGB8:
    case RGBA8: {
      const int byte = x * (p.format == RGB8 ? 3 : 4);
      rgb.r = at(p, y, byte), rgb.g = at(p, y, byte + 1), rgb.b = at(p, y, byte + 2);
      return rgb;
    }
    case BGR8:
    case BGRA8: {
      const int byte = x * (p.format == BGR8 ? 3 : 4);
      rgb.b = at(p, y, byte), rgb.g = at(p, y, byte + 1), rgb.r = at(p, y, byte + 2);
      return rgb;
    }
    case MONO8:
      rgb.r = rgb.g = rgb.b = at(p, y, x);
      return rgb;
    case YUYV:
    case UYVY: {
      const int both = x / 2 * 4, luma = p.format == UYVY;
      return from_yuv(at(p, y, 2 * x + luma), at(p, y, both + !luma), at(p, y, both + !luma + 2));
    }
    case NV12:
    case NV21: {
      const int row = p.height + y / 2, both = x / 2 * 2, swapped = p.format == NV21;
      return from_yuv(at(p, y, x), at(p, row, both + swapped), at(p, row, both + !swapped));
    }
    default:
      return from_mosaic(p, x, y);
  }
}

// What part of a source a target pixel covers on one axis: its first and last source pixel, and
// the weights of these two; those in between weigh `inner`.
struct Span {
  int first, last;
  float head, inner, tail;
};

__device__ inline Span shrinking(int target, double scale, int size) {
  const double begin = target * scale, end = begin + scale;
  const double width = scale < size - begin ? scale : size - begin;
  int whole = (int)ceil(begin), stop = (int)floor(end);
  stop = stop < size - 1 ? stop : size - 1;
  whole = whole < stop ? whole : stop;
  Span s;
  s.inner = (float)(1 / width);
  s.head = s.tail = s.inner;
  s.first = whole;
  s.last = stop - 1;
  if (whole - begin > 1e-3) {
    s.first = whole - 1;
    s.head = (float)((whole - begin) / width);
  }
  if (end - stop > 1e-3) {
    const double rest = end - stop < 1 ? end - stop : 1;
    s.last = stop;
    s.tail = (float)((rest < width ? rest : width) / width);
  }
  return s;
}

__device__ inline Span enlarging(int target, double scale, int size) {
  const double place = (target + 0.5) * scale - 0.5;
  int low = (int)floor(place);
  float share = (float)(place - low);
  if (low < 0) low = 0, share = 0;
  if (low >= size - 1) low = size - 1, share = 0;
  Span s;
  s.first = low;
  s.last = share > 0 ? low + 1 : low;
  s.head = share > 0 ? 1 - share : 1;
  s.tail = share > 0 ? share : 1;
  s.inner = 0;
  return s;
}

__device__ inline float weight(const Span &s, int place) {
  return place == s.first ? s.head : place == s.last ? s.tail : s.inner;
}

__device__ inline unsigned char to_byte(float value) {
  return (unsigned char)limited(0, (int)rintf(value), 255);
}

// One thread a pixel of the network input [input_h, input_w, 3], which is RGB. The picture fills
// its top-left corner of content_w x content_h pixels, `padding` (0xRRGGBB) the rest.
extern "C" __global__ void prepare(const unsigned char *bytes, unsigned char *input, int format,
                                   int step, int width, int height, int content_w, int content_h,
                                   int input_w, int input_h, int padding) {
  const int index = blockIdx.x * blockDim.x + threadIdx.x;
  if (index >= input_w * input_h) return;
  const int x = index % input_w, y = index / input_w;
  unsigned char *out = input + 3ll * index;
  if (x >= content_w || y >= content_h) {
    out[0] = padding >> 16 & 255, out[1] = padding >> 8 & 255, out[2] = padding & 255;
    return;
  }
  const Picture picture = {bytes, format, step, width, height};
  const double scale_x = (double)width / content_w, scale_y = (double)height / content_h;
  const bool shrinks = content_w < width || content_h < height;
  const Span across = shrinks ? shrinking(x, scale_x, width) : enlarging(x, scale_x, width);
  const Span down = shrinks ? shrinking(y, scale_y, height) : enlarging(y, scale_y, height);
  float r = 0, g = 0, b = 0;
  for (int row = down.first; row <= down.last; row++) {
    float row_r = 0, row_g = 0, row_b = 0;
    for (int column = across.first; column <= across.last; column++) {
      const Rgb rgb = pixel(picture, column, row);
      const float share = weight(across, column);
      row_r += share * rgb.r, row_g += share * rgb.g, row_b += share * rgb.b;
    }
    const float share = weight(down, row);
    r += share * row_r, g += share * row_g, b += share * row_b;
  }
  out[0] = to_byte(r), out[1] = to_byte(g), out[2] = to_byte(b);
}

// What Pillow's integers make of a sum of bytes, each times a weight of 22 binary places.
__device__ inline int rounded(int sum) { return limited(0, (sum + (1 << 21)) >> 22, 255); }

// As `prepare`, with the antialiased triangle of Pillow: along the rows first, rounded to bytes,
// then down the columns. A line of `across` [content_w] or `down` [content_h] is the first source
// pixel, their number, and `taps` weights.
extern "C" __global__ void prepare_antialiased(const unsigned char *bytes, unsigned char *input,
                                               int format, int step, int width, int height,
                                               int content_w, int content_h, int input_w,
                                               int input_h, int padding, const int *across,
                                               int across_taps, const int *down, int down_taps) {
  const int index = blockIdx.x * blockDim.x + threadIdx.x;
  if (index >= input_w * input_h) return;
  const int x = index % input_w, y = index / input_w;
  unsigned char *out = input + 3ll * index;
  if (x >= content_w || y >= content_h) {
    out[0] = padding >> 16 & 255, out[1] = padding >> 8 & 255, out[2] = padding & 255;
    return;
  }
  const Picture picture = {bytes, format, step, width, height};
  const int *columns = across + x * (2 + across_taps), *rows = down + y * (2 + down_taps);
  int r = 0, g = 0, b = 0;
  for (int j = 0; j < rows[1]; j++) {
    int row_r = 0, row_g = 0, row_b = 0;
    for (int i = 0; i < columns[1]; i++) {
      const Rgb rgb = pixel(picture, columns[0] + i, rows[0] + j);
      const int share = columns[2 + i];
      row_r += share * (int)rgb.r, row_g += share * (int)rgb.g, row_b += share * (int)rgb.b;
    }
    const int share = rows[2 + j];
    r += share * rounded(row_r), g += share * rounded(row_g), b += share * rounded(row_b);
  }
  out[0] = rounded(r), out[1] = rounded(g), out[2] = rounded(b);
}
