#include "global_variable.h"

#include <bpf/btf.h>
#include <linux/bpf.h>
#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "arguments.h"

namespace bpflow {

namespace {

constexpr const char* setGlobalOperation = "set_global";

GlobalVariable::Kind kindOf(const btf* types, uint32_t typeId) {
  const int resolved = btf__resolve_type(types, typeId);
  const btf_type* type = resolved > 0 ? btf__type_by_id(types, static_cast<uint32_t>(resolved)) : nullptr;
  if (type == nullptr) return GlobalVariable::Kind::other;
  if (btf_is_int(type)) {
    const uint8_t encoding = btf_int_encoding(type);
    if (encoding == BTF_INT_BOOL) return GlobalVariable::Kind::boolean;
    return encoding == BTF_INT_SIGNED ? GlobalVariable::Kind::signedNumber : GlobalVariable::Kind::unsignedNumber;
  }
  if (btf_is_any_enum(type)) {
    return btf_kflag(type) ? GlobalVariable::Kind::signedNumber : GlobalVariable::Kind::unsignedNumber;
  }
  return GlobalVariable::Kind::other;
}

std::optional<GlobalVariable> findIn(const btf* types, bpf_map* map, const std::string& name) {
  const btf_type* section = btf__type_by_id(types, bpf_map__btf_value_type_id(map));
  if (section == nullptr || !btf_is_datasec(section)) return std::nullopt;
  size_t sectionSize = 0;
  // const in older versions of libbpf; the memory is writable in all.
  const void* contents = bpf_map__initial_value(map, &sectionSize);
  if (contents == nullptr) return std::nullopt;
  auto* memory = static_cast<uint8_t*>(const_cast<void*>(contents));
  const btf_var_secinfo* variables = btf_var_secinfos(section);
  for (uint16_t i = 0; i < btf_vlen(section); ++i) {
    const btf_type* variable = btf__type_by_id(types, variables[i].type);
    if (name != btf__name_by_offset(types, variable->name_off)) continue;
    if (uint64_t{variables[i].offset} + variables[i].size > sectionSize) return std::nullopt;
    const std::string sectionName = btf__name_by_offset(types, section->name_off);
    return GlobalVariable{name, memory + variables[i].offset, variables[i].size, kindOf(types, variable->type),
                          sectionName.starts_with(".rodata")};
  }
  return std::nullopt;
}

/** One store, so that a running program sees the old value or the new one, nothing between. */
template <typename T>
void storeWhole(uint8_t* address, uint64_t bits) {
  const T value = static_cast<T>(bits);
  if (reinterpret_cast<uintptr_t>(address) % sizeof(T) == 0) {
    std::atomic_ref<T>(*reinterpret_cast<T*>(address)).store(value, std::memory_order_release);
  } else {
    std::memcpy(address, &value, sizeof(value));
  }
}

}  // namespace

std::optional<GlobalVariable> GlobalVariable::find(const bpf_object* object, const std::string& name) {
  const btf* types = bpf_object__btf(object);
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object) {
    if (!bpf_map__is_internal(map)) continue;
    if (auto found = findIn(types, map, name)) return found;
  }
  return std::nullopt;
}

int GlobalVariable::shareWithKernel(const bpf_object* object) {
  if (libbpf_major_version() > 1 || libbpf_minor_version() >= 5) return 0;
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object) {
    if (!bpf_map__is_internal(map) || (bpf_map__map_flags(map) & BPF_F_MMAPABLE) == 0) continue;
    size_t size = 0;
    const void* contents = bpf_map__initial_value(map, &size);
    if (contents == nullptr) continue;
    const bool constant = (bpf_map__map_flags(map) & BPF_F_RDONLY_PROG) != 0;
    const int protection = constant ? PROT_READ : PROT_READ | PROT_WRITE;
    void* address = const_cast<void*>(contents);
    if (mmap(address, size, protection, MAP_SHARED | MAP_FIXED, bpf_map__fd(map), 0) == MAP_FAILED) return errno;
  }
  return 0;
}

void GlobalVariable::set(Napi::Env env, Napi::Value value) const {
  if (!value.IsTypedArray()) {
    setNumber(env, value);
    return;
  }
  napi_typedarray_type type = napi_int8_array;
  size_t length = 0;
  void* data = nullptr;
  napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr);
  if (type != napi_uint8_array) raiseMisuse(env, setGlobalOperation, "set_global: bytes must be a Uint8Array", name);
  if (length != size) {
    raiseMisuse(env, setGlobalOperation,
                "Global \"" + name + "\" has " + std::to_string(size) + " bytes, not " + std::to_string(length), name);
  }
  std::memcpy(address, data, size);
}

void GlobalVariable::setNumber(Napi::Env env, Napi::Value value) const {
  const std::string what = "Global \"" + name + "\"";
  const bool scalar = kind != Kind::other && (size == 1 || size == 2 || size == 4 || size == 8);
  if (!scalar) raiseMisuse(env, setGlobalOperation, what + " is no scalar: set it by its bytes", name);

  // The value as a sign and 64 bits.
  bool negative = false;
  uint64_t bits = 0;
  bool exact = true;
  if (value.IsBoolean()) {
    bits = value.As<Napi::Boolean>() ? 1 : 0;
  } else if (value.IsNumber()) {
    const double number = value.As<Napi::Number>();
    exact = std::trunc(number) == number && std::abs(number) <= 9007199254740991.0;
    negative = number < 0;
    if (exact) bits = static_cast<uint64_t>(static_cast<int64_t>(number));
  } else if (value.IsBigInt()) {
    const Napi::BigInt number = value.As<Napi::BigInt>();
    bits = number.Uint64Value(&exact);
    if (!exact) {
      const int64_t small = number.Int64Value(&exact);
      negative = small < 0;
      bits = static_cast<uint64_t>(small);
    }
  } else {
    raiseMisuse(env, setGlobalOperation, what + " takes a number, a bigint, a boolean or a Uint8Array", name);
  }

  const unsigned width = static_cast<unsigned>(size) * 8;
  bool fits = exact;
  if (kind == Kind::boolean) {
    fits = fits && !negative && bits <= 1;
  } else if (kind == Kind::unsignedNumber) {
    fits = fits && !negative && (width == 64 || bits >> width == 0);
  } else {
    const uint64_t limit = uint64_t{1} << (width - 1);
    fits = fits && (negative ? ~bits < limit : bits < limit);
  }
  if (!fits) {
    const char* type = kind == Kind::boolean        ? "boolean"
                       : kind == Kind::signedNumber ? "signed integer"
                                                    : "unsigned integer";
    raiseMisuse(env, setGlobalOperation,
                what + " is a " + std::to_string(width) + "-bit " + type + ": " + value.ToString().Utf8Value() +
                    " does not fit",
                name);
  }
  store(bits);
}

void GlobalVariable::store(uint64_t bits) const {
  switch (size) {
    case 1:
      return storeWhole<uint8_t>(address, bits);
    case 2:
      return storeWhole<uint16_t>(address, bits);
    case 4:
      return storeWhole<uint32_t>(address, bits);
    default:
      return storeWhole<uint64_t>(address, bits);
  }
}

}  // namespace bpflow
