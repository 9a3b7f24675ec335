{
  "targets": [
    {
      "target_name": "tailglow",
      "sources": ["kernel.cc", "sort.cc", "add_up.cc", "count_lines.cc", "rasterize.cc", "open_rows.cc", "mix.cc", "picture.cc", "class_encode.cc", "class_decode.cc", "deflate.cc", "prefix_code.cc", "binding.cc"],
      "defines": ["NAPI_VERSION=8"],
      "cflags_cc": ["-std=c++17", "-O3", "-ffp-contract=off", "-Wall", "-Wextra", "-Wno-cast-function-type"],
      "xcode_settings": {
        "OTHER_CPLUSPLUSFLAGS": ["-std=c++17", "-O3", "-ffp-contract=off"]
      }
    }
  ]
}
