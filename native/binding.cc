// The thin face of kernel.cc towards Node, over plain Node-API (ABI-stable; works in every worker thread).
// Every argument's type, length and range is checked here before memory is touched: TypeError for what is no
// such array, RangeError for a size or an index that does not fit. Arrays must be ordinary memory, not shared,
// and one that is written must not overlap another. The caller is src/kernel/native.ts alone, so arguments are
// flat.
#include <node_api.h>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <initializer_list>
#include <vector>

#include "kernel.h"

namespace {

using tailglow::Cells;
using tailglow::CellsRoom;
using tailglow::CountLines;
using tailglow::kSteps;
using tailglow::Placed;
using tailglow::Placement;
using tailglow::Raster;
using tailglow::RowSpread;

constexpr size_t kArgumentsMax = 17;
constexpr double kSizeMax = 2147483647;

template <class T>
struct TypeOf;
template <>
struct TypeOf<uint8_t> {
  static constexpr napi_typedarray_type type = napi_uint8_array;
  static constexpr const char* name = "Uint8Array";
};
template <>
struct TypeOf<uint16_t> {
  static constexpr napi_typedarray_type type = napi_uint16_array;
  static constexpr const char* name = "Uint16Array";
};
template <>
struct TypeOf<int32_t> {
  static constexpr napi_typedarray_type type = napi_int32_array;
  static constexpr const char* name = "Int32Array";
};
template <>
struct TypeOf<double> {
  static constexpr napi_typedarray_type type = napi_float64_array;
  static constexpr const char* name = "Float64Array";
};

template <class T>
struct Span {
  T* data;
  size_t length;
};

/** Takes a call's arguments one after the other. The first that does not fit throws into JavaScript, and all
 *  after it read as empty: a caller asks `ok()` once, before it computes. */
class Arguments {
 public:
  Arguments(napi_env env, napi_callback_info info) : env_(env) {
    given_ = kArgumentsMax;
    if (napi_get_cb_info(env, info, &given_, values_, nullptr, nullptr) != napi_ok) fail("the call cannot be read");
    if (given_ > kArgumentsMax) given_ = kArgumentsMax;
  }

  /** An array as the last argument: its members are taken like arguments from here on. How many there are. */
  size_t members(const char* name) {
    bool is = false;
    uint32_t length = 0;
    napi_value list = nullptr;
    if (!next(&list) || napi_is_array(env_, list, &is) != napi_ok || !is ||
        napi_get_array_length(env_, list, &length) != napi_ok) {
      typeFault(name, "array");
      return 0;
    }
    given_ = taken_;
    members_.resize(length);
    for (uint32_t i = 0; i < length; i++) {
      if (napi_get_element(env_, list, i, &members_[i]) != napi_ok) typeFault(name, "array that can be read");
    }
    return length;
  }

  template <class T>
  Span<const T> read(const char* name) {
    const Span<T> span = array<T>(name, false);
    return {span.data, span.length};
  }

  template <class T>
  Span<T> write(const char* name) {
    return array<T>(name, true);
  }

  /** An integer 0..2^31-1. */
  size_t size(const char* name) {
    double value = 0;
    napi_value argument = nullptr;
    if (!next(&argument) || napi_get_value_double(env_, argument, &value) != napi_ok) {
      typeFault(name, "number");
      return 0;
    }
    if (!(value >= 0 && value <= kSizeMax) || value != std::floor(value)) {
      rangeFault(name, value, "an integer 0..2147483647");
      return 0;
    }
    return static_cast<size_t>(value);
  }

  uint32_t u32(const char* name) {
    uint32_t value = 0;
    napi_value argument = nullptr;
    if (!next(&argument) || napi_get_value_uint32(env_, argument, &value) != napi_ok) {
      typeFault(name, "number");
    }
    return value;
  }

  void atLeast(const char* name, size_t found, double needed) {
    if (failed_ || static_cast<double>(found) >= needed) return;
    char text[160];
    std::snprintf(text, sizeof text, "%s has %zu members, expected at least %.0f", name, found, needed);
    fail(text);
  }

  /** All of values in low..limit-1. */
  void within(const char* name, const int32_t* values, size_t length, int32_t low, size_t limit) {
    for (size_t i = 0; i < length && !failed_; i++) {
      const int32_t value = values[i];
      if (value < low || (value >= 0 && static_cast<size_t>(value) >= limit)) {
        rangeFault(name, value, "an index within the raster or the rows");
      }
    }
  }

  void fail(const char* text) {
    if (!failed_) napi_throw_range_error(env_, "KERNEL_ARGUMENT", text);
    failed_ = true;
  }

  /** Whether all arguments so far fit. */
  bool fits() const { return !failed_; }

  /** Whether they do, and no array that is written overlaps another. */
  bool ok() {
    for (size_t a = 0; a < arrays_ && !failed_; a++) {
      const Taken& own = array(a);
      if (!own.written) continue;
      for (size_t b = 0; b < arrays_; b++) {
        const bool apart = own.end <= array(b).begin || array(b).end <= own.begin;
        if (!apart && a != b) fail("an array that is written overlaps another");
      }
    }
    return !failed_;
  }

 private:
  struct Taken {
    const uint8_t* begin;
    const uint8_t* end;
    bool written;
  };

  template <class T>
  Span<T> array(const char* name, bool written) {
    napi_typedarray_type type = napi_int8_array;
    size_t length = 0;
    void* data = nullptr;
    napi_value buffer = nullptr;
    bool is = false;
    napi_value argument = nullptr;
    if (!next(&argument) || napi_is_typedarray(env_, argument, &is) != napi_ok || !is ||
        napi_get_typedarray_info(env_, argument, &type, &length, &data, &buffer, nullptr) != napi_ok ||
        type != TypeOf<T>::type) {
      typeFault(name, TypeOf<T>::name);
      return {nullptr, 0};
    }
    // False for a SharedArrayBuffer: another thread could change what was checked.
    if (napi_is_arraybuffer(env_, buffer, &is) != napi_ok || !is) {
      typeFault(name, "array over memory that is not shared");
      return {nullptr, 0};
    }
    const auto* const begin = static_cast<const uint8_t*>(data);
    if (length > 0) note({begin, begin + length * sizeof(T), written});
    return {static_cast<T*>(data), length};
  }

  void typeFault(const char* name, const char* expected) {
    if (failed_) return;
    char text[160];
    std::snprintf(text, sizeof text, "%s is of the wrong type, expected a %s", name, expected);
    napi_throw_type_error(env_, "KERNEL_ARGUMENT", text);
    failed_ = true;
  }

  void rangeFault(const char* name, double found, const char* expected) {
    char text[160];
    std::snprintf(text, sizeof text, "%s holds %.17g, expected %s", name, found, expected);
    fail(text);
  }

  /** The next argument, or member; false where there is none, or something did not fit before. */
  bool next(napi_value* value) {
    if (failed_ || taken_ >= given_ + members_.size()) return false;
    *value = taken_ < given_ ? values_[taken_] : members_[taken_ - given_];
    taken_++;
    return true;
  }

  const Taken& array(size_t i) const { return i < kArgumentsMax ? few_[i] : more_[i - kArgumentsMax]; }

  void note(const Taken& taken) {
    if (arrays_ < kArgumentsMax) few_[arrays_] = taken;
    else more_.push_back(taken);
    arrays_++;
  }

  napi_env env_;
  napi_value values_[kArgumentsMax];
  size_t given_ = 0;
  std::vector<napi_value> members_;
  size_t taken_ = 0;
  /** As many as there are arguments need no memory of their own. */
  Taken few_[kArgumentsMax];
  std::vector<Taken> more_;
  size_t arrays_ = 0;
  bool failed_ = false;
};

Cells takeCells(Arguments& arguments) {
  const size_t length = arguments.size("cells.length");
  const auto step = arguments.read<uint8_t>("cells.step");
  const auto key = arguments.read<uint16_t>("cells.key");
  const auto bucket = arguments.read<uint16_t>("cells.bucket");
  const auto count = arguments.read<double>("cells.count");
  const auto needed = static_cast<double>(length);
  arguments.atLeast("cells.step", step.length, needed);
  arguments.atLeast("cells.key", key.length, needed);
  arguments.atLeast("cells.bucket", bucket.length, needed);
  arguments.atLeast("cells.count", count.length, needed);
  return {length, step.data, key.data, bucket.data, count.data};
}

/** Room from `from` on, as long as the shortest of the arrays allows. */
CellsRoom takeRoom(Arguments& arguments, size_t from) {
  const auto step = arguments.write<uint8_t>("cells.step");
  const auto key = arguments.write<uint16_t>("cells.key");
  const auto bucket = arguments.write<uint16_t>("cells.bucket");
  const auto count = arguments.write<double>("cells.count");
  size_t length = step.length;
  for (const size_t other : {key.length, bucket.length, count.length}) length = other < length ? other : length;
  arguments.atLeast("cells", length, static_cast<double>(from));
  if (length <= from) return {0, nullptr, nullptr, nullptr, nullptr};
  return {length - from, step.data + from, key.data + from, bucket.data + from, count.data + from};
}

CountLines takeLines(Arguments& arguments) {
  const size_t length = arguments.size("lines.length");
  const auto key = arguments.read<uint16_t>("lines.key");
  const auto bucket = arguments.read<uint16_t>("lines.bucket");
  const auto count = arguments.read<uint16_t>("lines.count");
  arguments.atLeast("lines.key", key.length, static_cast<double>(length));
  arguments.atLeast("lines.bucket", bucket.length, static_cast<double>(length));
  arguments.atLeast("lines.count", count.length, static_cast<double>(length) * tailglow::kSteps);
  return {length, key.data, bucket.data, count.data};
}

struct Sizes {
  size_t hues;
  size_t columns;
};

/** (columnOfStep, hueOfKey). */
Placement takePlacement(Arguments& arguments) {
  const auto columnOfStep = arguments.read<int32_t>("columnOfStep");
  const auto hueOfKey = arguments.read<int32_t>("hueOfKey");
  arguments.atLeast("columnOfStep", columnOfStep.length, kSteps);
  return {columnOfStep.data, hueOfKey.data, hueOfKey.length};
}

/** As takePlacement, as long as the cells need. */
Placement takePlacementOf(Arguments& arguments, const Cells& cells) {
  const Placement placement = takePlacement(arguments);
  if (!arguments.fits()) return {};
  uint16_t keyMax = 0;
  for (size_t i = 0; i < cells.length; i++) keyMax = cells.key[i] > keyMax ? cells.key[i] : keyMax;
  if (cells.length > 0) arguments.atLeast("hueOfKey", placement.keys, keyMax + 1.0);
  return placement;
}

void checkPlacement(Arguments& arguments, const Placement& placement, const Sizes& sizes) {
  if (!arguments.fits()) return;
  arguments.within("columnOfStep", placement.columnOfStep, kSteps, -1, sizes.columns);
  arguments.within("hueOfKey", placement.hueOfKey, placement.keys, -1, sizes.hues);
}

/** As takePlacementOf, then (hues, columns), which its members are below. */
Placement takePlacementWithin(Arguments& arguments, const Cells& cells, Sizes* sizes) {
  const Placement placement = takePlacementOf(arguments, cells);
  sizes->hues = arguments.size("hues");
  sizes->columns = arguments.size("columns");
  checkPlacement(arguments, placement, *sizes);
  return placement;
}

double product(std::initializer_list<size_t> sizes) {
  double result = 1;
  for (const size_t size : sizes) result *= static_cast<double>(size);
  return result;
}

napi_value number(napi_env env, double value) {
  napi_value result = nullptr;
  napi_create_double(env, value, &result);
  return result;
}

napi_value noMemory(napi_env env, const char* action) {
  char text[80];
  std::snprintf(text, sizeof text, "Cannot %s cells: no memory", action);
  napi_throw_error(env, "KERNEL_MEMORY", text);
  return nullptr;
}

napi_value crc32c(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const auto bytes = arguments.read<uint8_t>("bytes");
  const uint32_t seed = arguments.u32("seed");
  if (!arguments.ok()) return nullptr;
  return number(env, tailglow::crc32c(bytes.data, bytes.length, seed));
}

napi_value bucketIndices(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const auto values = arguments.read<double>("values");
  const size_t length = arguments.size("length");
  const auto out = arguments.write<uint16_t>("out");
  arguments.atLeast("values", values.length, static_cast<double>(length));
  arguments.atLeast("out", out.length, static_cast<double>(length));
  if (arguments.ok()) tailglow::bucketIndices(values.data, length, out.data);
  return nullptr;
}

/** (length, step, key, bucket, count) -> the new length. */
napi_value sortMerge(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const size_t length = arguments.size("cells.length");
  CellsRoom room = takeRoom(arguments, 0);
  arguments.atLeast("cells", room.length, static_cast<double>(length));
  if (!arguments.ok()) return nullptr;
  room.length = length;
  const ptrdiff_t merged = tailglow::sortMerge(room);
  if (merged < 0) return noMemory(env, "sort");
  return number(env, static_cast<double>(merged));
}

/** (cells) -> Uint8Array, or undefined for cells that cannot be encoded: the reference says why. */
napi_value encodeColumns(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const Cells cells = takeCells(arguments);
  if (!arguments.ok()) return nullptr;
  tailglow::ColumnSizes sizes;
  if (!tailglow::measureColumns(cells, &sizes)) return nullptr;
  const size_t length = tailglow::totalBytes(sizes);
  void* data = nullptr;
  napi_value buffer = nullptr;
  napi_value result = nullptr;
  if (napi_create_arraybuffer(env, length, &data, &buffer) != napi_ok) return nullptr;
  tailglow::writeColumns(cells, sizes, static_cast<uint8_t*>(data));
  napi_create_typedarray(env, napi_uint8_array, length, buffer, 0, &result);
  return result;
}

using Decode = ptrdiff_t (*)(const uint8_t*, size_t, uint32_t, uint32_t, CellsRoom);

/** (bytes, keys, buckets, from, step, key, bucket, count) -> cells read, or -1 for bytes that are none: the
 *  reference says why. */
template <Decode decode>
napi_value decodeCells(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const auto bytes = arguments.read<uint8_t>("bytes");
  const size_t keys = arguments.size("limits.keys");
  const size_t buckets = arguments.size("limits.buckets");
  const size_t from = arguments.size("from");
  const CellsRoom room = takeRoom(arguments, from);
  if (keys > 0x10000 || buckets > 0x10000) arguments.fail("limits are above 65536: an index has two bytes");
  if (!arguments.ok()) return nullptr;
  const ptrdiff_t cells =
      decode(bytes.data, bytes.length, static_cast<uint32_t>(keys), static_cast<uint32_t>(buckets), room);
  if (cells == tailglow::kNoMemory) return noMemory(env, "decode");
  return number(env, static_cast<double>(cells));
}

/** (cells) -> Uint8Array, or undefined for cells that cannot be encoded: the reference says why. */
napi_value encodeClasses(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const Cells cells = takeCells(arguments);
  if (!arguments.ok()) return nullptr;
  tailglow::ClassBytes encoded;
  const tailglow::Encoded outcome = tailglow::encodeClasses(cells, &encoded);
  if (outcome == tailglow::Encoded::kNoMemory) return noMemory(env, "encode");
  if (outcome == tailglow::Encoded::kRefused) return nullptr;
  void* data = nullptr;
  napi_value buffer = nullptr;
  napi_value result = nullptr;
  if (napi_create_arraybuffer(env, encoded.length, &data, &buffer) != napi_ok) return nullptr;
  std::memcpy(data, encoded.bytes.get(), encoded.length);
  napi_create_typedarray(env, napi_uint8_array, encoded.length, buffer, 0, &result);
  return result;
}

/** (length, step, key, bucket, count, lines, key, bucket, count) -> lines; more than there is room for where nothing was
 *  written; -1 where a count is too large. */
napi_value addLines(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const Cells cells = takeCells(arguments);
  const size_t lines = arguments.size("lines.length");
  const auto key = arguments.write<uint16_t>("lines.key");
  const auto bucket = arguments.write<uint16_t>("lines.bucket");
  const auto count = arguments.write<uint16_t>("lines.count");
  const size_t room = std::min({key.length, bucket.length, count.length / tailglow::kSteps});
  arguments.atLeast("lines", room, static_cast<double>(lines));
  if (!arguments.ok()) return nullptr;
  const ptrdiff_t found = tailglow::addLines(cells, lines, {room, key.data, bucket.data, count.data});
  if (found == tailglow::kNoMemory) return noMemory(env, "add up");
  return number(env, static_cast<double>(found));
}

/** (cells, columnOfStep, hueOfKey) -> low * 65536 + high, or -1 where no cell is placed. */
napi_value bucketRange(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const Cells cells = takeCells(arguments);
  const Placement placement = takePlacementOf(arguments, cells);
  if (!arguments.ok()) return nullptr;
  uint16_t low = 0;
  uint16_t high = 0;
  const bool any = tailglow::bucketRange(cells, placement, &low, &high);
  return number(env, any ? low * 65536.0 + high : -1);
}

/** (cells, columnOfStep, hueOfKey, hues, columns, from, step, key, bucket, count) -> cells written. */
napi_value addUp(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const Cells cells = takeCells(arguments);
  Sizes sizes{0, 0};
  const Placement placement = takePlacementWithin(arguments, cells, &sizes);
  const size_t from = arguments.size("from");
  const CellsRoom room = takeRoom(arguments, from);
  arguments.atLeast("into", room.length, static_cast<double>(cells.length));
  if (sizes.columns > tailglow::kSteps || sizes.hues > 0x10000) arguments.fail("columns are above 256 or hues above 65536");
  if (!arguments.ok()) return nullptr;
  const ptrdiff_t written = tailglow::addUp(cells, placement, room);
  if (written < 0) return noMemory(env, "add up");
  return number(env, static_cast<double>(written));
}

/** The rest of a raster whose hues and columns are known. */
Raster takeRaster(Arguments& arguments, const Sizes& sizes) {
  Raster raster{sizes.hues, sizes.columns, arguments.size("bucketFirst"), arguments.size("buckets"), nullptr, nullptr,
                nullptr};
  const double places = static_cast<double>(sizes.hues) * static_cast<double>(sizes.columns);
  const char* const names[] = {"raster.counts", "raster.under", "raster.over"};
  double** const targets[] = {&raster.counts, &raster.under, &raster.over};
  for (int i = 0; i < 3; i++) {
    const auto values = arguments.write<double>(names[i]);
    arguments.atLeast(names[i], values.length, i == 0 ? places * static_cast<double>(raster.buckets) : places);
    *targets[i] = values.data;
  }
  return raster;
}

/** (cells, columnOfStep, hueOfKey, hues, columns, bucketFirst, buckets, counts, under, over) */
napi_value accumulate(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const Cells cells = takeCells(arguments);
  Sizes sizes{0, 0};
  const Placement placement = takePlacementWithin(arguments, cells, &sizes);
  const Raster raster = takeRaster(arguments, sizes);
  if (arguments.ok()) tailglow::accumulate(cells, placement, raster);
  return nullptr;
}

/** (rows, start, row, weight, under, over) of so many buckets; read as empty where something does not fit. */
RowSpread takeSpread(Arguments& arguments, size_t buckets) {
  const size_t rows = arguments.size("rows");
  const auto start = arguments.read<int32_t>("start");
  const auto row = arguments.read<int32_t>("row");
  const auto weight = arguments.read<double>("weight");
  const auto under = arguments.read<double>("spread.under");
  const auto over = arguments.read<double>("spread.over");
  arguments.atLeast("spread.under", under.length, static_cast<double>(buckets));
  arguments.atLeast("spread.over", over.length, static_cast<double>(buckets));
  arguments.atLeast("start", start.length, static_cast<double>(buckets) + 1);
  if (!arguments.ok()) return {};
  int32_t last = 0;
  for (size_t b = 0; b <= buckets; b++) {
    if (start.data[b] < last) arguments.fail("start is not ascending from 0");
    last = start.data[b];
  }
  const auto end = static_cast<size_t>(last);
  arguments.atLeast("row", row.length, static_cast<double>(end));
  arguments.atLeast("weight", weight.length, static_cast<double>(end));
  if (!arguments.ok()) return {};
  const auto first = static_cast<size_t>(start.data[0]);
  arguments.within("row", row.data + first, end - first, 0, rows);
  return {rows, start.data, row.data, weight.data, under.data, over.data};
}

/** (hues, columns, bucketFirst, buckets, factors, rows, start, row, weight, under, over, sums, strongest, cells, under,
 *  over, [length, step, key, bucket, count, lines, key, bucket, count, columnOfStep, hueOfKey, ...]): no factors, and no
 *  cells, where there are to be none; eleven members of the last a block; its cells, or its lines, are none. */
napi_value rasterize(napi_env env, napi_callback_info info) {
  constexpr size_t kBlockMembers = 11;
  Arguments arguments(env, info);
  const size_t hues = arguments.size("hues");
  const size_t columns = arguments.size("columns");
  const size_t bucketFirst = arguments.size("bucketFirst");
  const size_t buckets = arguments.size("buckets");
  const auto factors = arguments.read<double>("factors");
  const RowSpread spread = takeSpread(arguments, buckets);
  const auto sums = arguments.write<double>("sums");
  const auto strongest = arguments.write<uint8_t>("strongest");
  const auto cells = arguments.write<double>("cells");
  const auto under = arguments.write<double>("under");
  const auto over = arguments.write<double>("over");
  if (hues > UINT8_MAX) arguments.fail("hues is above 255");
  if (factors.length > 0) arguments.atLeast("factors", factors.length, static_cast<double>(columns));
  arguments.atLeast("sums", sums.length, product({columns, spread.rows}));
  arguments.atLeast("strongest", strongest.length, product({columns, spread.rows}));
  if (cells.length > 0) arguments.atLeast("cells", cells.length, product({hues, columns, spread.rows}));
  arguments.atLeast("under", under.length, static_cast<double>(columns));
  arguments.atLeast("over", over.length, static_cast<double>(columns));
  const size_t members = arguments.members("blocks");
  if (members % kBlockMembers != 0) arguments.fail("blocks do not have eleven members each");
  std::vector<Placed> blocks;
  for (size_t b = 0; b < members / kBlockMembers && arguments.fits(); b++) {
    const Cells own = takeCells(arguments);
    const CountLines lines = takeLines(arguments);
    const Placement placement = takePlacement(arguments);
    checkPlacement(arguments, placement, {hues, columns});
    blocks.push_back({own, lines, placement});
  }
  if (!arguments.ok()) return nullptr;
  const tailglow::Window window{hues, columns, bucketFirst, buckets, factors.length > 0 ? factors.data : nullptr};
  const tailglow::Drawn drawn{sums.data, strongest.data, cells.length > 0 ? cells.data : nullptr, under.data, over.data};
  const auto outcome = tailglow::rasterize(blocks.data(), blocks.size(), window, spread, drawn);
  if (outcome == tailglow::Rasterized::kNoMemory) return noMemory(env, "draw");
  if (outcome == tailglow::Rasterized::kFault) arguments.fail("hueOfKey has no member for a key of its cells");
  return nullptr;
}

/** (values, hues, cells, sums, strongest) */
napi_value mix(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const auto values = arguments.read<double>("values");
  const size_t hues = arguments.size("hues");
  const size_t cells = arguments.size("cells");
  const auto sums = arguments.write<double>("sums");
  const auto strongest = arguments.write<uint8_t>("strongest");
  if (hues > UINT8_MAX) arguments.fail("hues is above 255");
  arguments.atLeast("values", values.length, product({hues, cells}));
  arguments.atLeast("sums", sums.length, static_cast<double>(cells));
  arguments.atLeast("strongest", strongest.length, static_cast<double>(cells));
  if (arguments.ok()) tailglow::mix(values.data, hues, cells, sums.data, strongest.data);
  return nullptr;
}

/** (sums, cells, occupied) */
napi_value halfOctaves(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const auto sums = arguments.read<double>("sums");
  const size_t cells = arguments.size("cells");
  const auto occupied = arguments.write<uint8_t>("occupied");
  arguments.atLeast("sums", sums.length, static_cast<double>(cells));
  arguments.atLeast("occupied", occupied.length, static_cast<double>(tailglow::kHalfOctaves));
  if (arguments.ok()) tailglow::halfOctaves(sums.data, cells, occupied.data);
  return nullptr;
}

/** (sums, columns, rows, out) */
napi_value rowSums(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const auto sums = arguments.read<double>("sums");
  const size_t columns = arguments.size("columns");
  const size_t rows = arguments.size("rows");
  const auto out = arguments.write<double>("out");
  arguments.atLeast("sums", sums.length, product({columns, rows}));
  arguments.atLeast("out", out.length, static_cast<double>(rows));
  if (arguments.ok()) tailglow::rowSums(sums.data, columns, rows, out.data);
  return nullptr;
}

/** (sums, strongest, cells, levels, thresholds, out) */
napi_value shade(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const auto sums = arguments.read<double>("sums");
  const auto strongest = arguments.read<uint8_t>("strongest");
  const size_t cells = arguments.size("cells");
  const size_t levels = arguments.size("levels");
  const auto thresholds = arguments.read<double>("thresholds");
  const auto out = arguments.write<uint8_t>("out");
  if (levels < 1) arguments.fail("levels is 0, expected at least 1");
  arguments.atLeast("sums", sums.length, static_cast<double>(cells));
  arguments.atLeast("strongest", strongest.length, static_cast<double>(cells));
  arguments.atLeast("out", out.length, static_cast<double>(cells));
  arguments.atLeast("thresholds", thresholds.length, static_cast<double>(levels) - 1);
  if (!arguments.ok()) return nullptr;
  uint8_t hues = 0;
  for (size_t i = 0; i < cells; i++) hues = strongest.data[i] > hues ? strongest.data[i] : hues;
  if (1 + product({hues, levels}) > tailglow::kPaletteMax) arguments.fail("the palette is above 256");
  for (size_t t = 1; t + 1 < levels; t++) {
    if (!(thresholds.data[t - 1] <= thresholds.data[t])) arguments.fail("thresholds are not ascending");
  }
  if (arguments.ok()) tailglow::shade(sums.data, strongest.data, cells, levels, thresholds.data, out.data);
  return nullptr;
}

/** (cells, columns, rows, columnOfX, rowOfY, palette, pixels, from, stride): as wide and high as there are members of
 *  columnOfX and rowOfY. */
napi_value paint(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const auto cells = arguments.read<uint8_t>("cells");
  const size_t columns = arguments.size("columns");
  const size_t rows = arguments.size("rows");
  const auto columnOfX = arguments.read<int32_t>("columnOfX");
  const auto rowOfY = arguments.read<int32_t>("rowOfY");
  const auto palette = arguments.read<uint8_t>("palette");
  const auto pixels = arguments.write<uint8_t>("pixels");
  const size_t from = arguments.size("from");
  const size_t stride = arguments.size("stride");
  const size_t width = columnOfX.length;
  const size_t height = rowOfY.length;
  arguments.atLeast("cells", cells.length, product({columns, rows}));
  arguments.atLeast("palette", palette.length, tailglow::kPaletteMax);
  arguments.within("columnOfX", columnOfX.data, width, 0, columns);
  arguments.within("rowOfY", rowOfY.data, height, 0, rows);
  arguments.atLeast("stride", stride, static_cast<double>(width));
  if (width > 0 && height > 0) {
    arguments.atLeast("pixels", pixels.length,
                      static_cast<double>(from) + product({height - 1, stride}) + static_cast<double>(width));
  }
  if (!arguments.ok() || width == 0 || height == 0) return nullptr;
  const tailglow::Stretch stretch{rows, width, height, columnOfX.data, rowOfY.data};
  tailglow::paint(cells.data, stretch, palette.data, pixels.data + from, stride);
  return nullptr;
}

/** (pixels, width, out) */
napi_value filterRows(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const auto pixels = arguments.read<uint8_t>("pixels");
  const size_t width = arguments.size("width");
  const auto out = arguments.write<uint8_t>("out");
  if (width < 1) arguments.fail("width is 0, expected at least 1");
  if (!arguments.fits()) return nullptr;
  const size_t height = pixels.length / width;
  arguments.atLeast("out", out.length, product({height, width + 1}));
  if (arguments.ok()) tailglow::filterRows(pixels.data, width, height, out.data);
  return nullptr;
}

/** (bytes, rowBytes, out) -> bytes written. */
napi_value deflate(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const auto bytes = arguments.read<uint8_t>("bytes");
  const size_t rowBytes = arguments.size("rowBytes");
  const auto out = arguments.write<uint8_t>("out");
  if (static_cast<double>(bytes.length) > kSizeMax) arguments.fail("bytes has 2^31 members or more");
  arguments.atLeast("out", out.length, static_cast<double>(tailglow::deflateBound(bytes.length)));
  if (!arguments.ok()) return nullptr;
  return number(env, static_cast<double>(tailglow::deflate(bytes.data, bytes.length, rowBytes, out.data)));
}

/** () -> undefined. Gives memory that was freed, and that the C library keeps for what comes next, back to the
 *  system: all threads' share of it. */
napi_value releaseMemory(napi_env, napi_callback_info) {
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
  return nullptr;
}

}  // namespace

NAPI_MODULE_INIT() {
  const struct {
    const char* name;
    napi_callback call;
  } functions[] = {
      {"crc32c", crc32c},           {"bucketIndices", bucketIndices}, {"sortMerge", sortMerge},
      {"encodeColumns", encodeColumns}, {"decodeColumns", decodeCells<tailglow::decodeColumns>},
      {"encodeClasses", encodeClasses}, {"decodeClasses", decodeCells<tailglow::decodeClasses>},
      {"bucketRange", bucketRange}, {"addUp", addUp},
      {"addLines", addLines},
      {"accumulate", accumulate},   {"rasterize", rasterize},
      {"mix", mix},
      {"halfOctaves", halfOctaves}, {"rowSums", rowSums},
      {"shade", shade},             {"paint", paint},
      {"filterRows", filterRows},
      {"deflate", deflate},         {"releaseMemory", releaseMemory},
  };
  for (const auto& function : functions) {
    napi_value value = nullptr;
    if (napi_create_function(env, function.name, NAPI_AUTO_LENGTH, function.call, nullptr, &value) != napi_ok ||
        napi_set_named_property(env, exports, function.name, value) != napi_ok) {
      return nullptr;
    }
  }
  napi_set_named_property(env, exports, "interfaceVersion", number(env, tailglow::kInterfaceVersion));
  return exports;
}
