#include "bpf_object.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <bpf/btf.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cmath>
#include <limits>
#include <optional>

#include "addon_state.h"
#include "arguments.h"
#include "bpf_map.h"
#include "bpf_program.h"
#include "elf_check.h"
#include "error.h"
#include "file_descriptor.h"
#include "global_variable.h"
#include "libbpf_log.h"
#include "struct_layout.h"

namespace bpflow {

namespace {

constexpr size_t maxFileBytes = 64 * 1024 * 1024;

[[noreturn]] void raiseBadObject(Napi::Env env, const std::string& path, int number, const std::string& cause) {
  raise(env, {.code = "bad_object",
              .operation = "open",
              .message = "Cannot open the BPF object " + path,
              .number = number,
              .cause = cause});
}

std::vector<uint8_t> readFile(Napi::Env env, const std::string& path) {
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status = {};
  if (!file.valid() || fstat(file.get(), &status) != 0) raiseBadObject(env, path, errno, "");
  if (S_ISDIR(status.st_mode)) raiseBadObject(env, path, EISDIR, "");
  if (!S_ISREG(status.st_mode)) raiseBadObject(env, path, 0, "it is no regular file");
  if (static_cast<size_t>(status.st_size) > maxFileBytes) raiseBadObject(env, path, EFBIG, "");
  std::vector<uint8_t> content(static_cast<size_t>(status.st_size));
  size_t filled = 0;
  while (filled < content.size()) {
    const ssize_t got = read(file.get(), content.data() + filled, content.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) raiseBadObject(env, path, errno, "");
    if (got == 0) break;
    filled += static_cast<size_t>(got);
  }
  content.resize(filled);
  return content;
}

/** As bpf_object__open() does it: the file's name up to its first dot. */
std::string objectName(const std::string& path) {
  const std::string file = path.substr(path.rfind('/') + 1);
  return file.substr(0, file.find('.'));
}

void checkKernelTypes(Napi::Env env, const std::string& path) {
  LibbpfLog log;
  btf* types = btf__parse(path.c_str(), nullptr);
  if (types == nullptr) {
    raise(env, {.code = "bad_object",
                .operation = "open",
                .message = "Cannot read the kernel BTF " + path + " (btf_path)",
                .number = errno,
                .cause = log.cause()});
  }
  btf__free(types);
}

template <typename Names>
std::string listed(const Names& names) {
  std::string text;
  for (const std::string& name : names)
    text += (text.empty() ? "" : ", ") + name;
  return text.empty() ? "none" : text;
}

Napi::Array toArray(Napi::Env env, const std::vector<std::string>& names) {
  Napi::Array array = Napi::Array::New(env, names.size());
  for (uint32_t i = 0; i < names.size(); ++i)
    array.Set(i, names[i]);
  return array;
}

Failure loadFailure(const std::string& path, int number, const LibbpfLog& log) {
  Failure failure = {.code = "load", .operation = "load", .message = "Cannot load the BPF object " + path};
  failure.number = number;
  failure.subject = log.subject();
  failure.cause = log.cause();
  failure.verifierLog = log.verifierLog();
  if (log.subjectKind() == LibbpfLog::Kind::program) {
    failure.message = "Cannot load the program \"" + log.subject() + "\" of " + path;
  } else if (log.subjectKind() == LibbpfLog::Kind::map) {
    failure.code = "map";
    failure.operation = "map_create";
    failure.message = "Cannot create the map \"" + log.subject() + "\" of " + path;
  }
  return failure;
}

}  // namespace

Napi::Value BpfObject::open(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string path = stringArgument(info, 0, "open", "the path");
  const Napi::Value btfPath = option(info, 1, "open", "btfPath");
  std::optional<std::string> kernelTypes;
  if (!btfPath.IsUndefined()) {
    if (!btfPath.IsString()) raiseMisuse(env, "open", "open: btfPath must be a string");
    kernelTypes = btfPath.As<Napi::String>();
    checkKernelTypes(env, *kernelTypes);
  }

  const std::vector<uint8_t> content = readFile(env, path);
  if (const std::string why = whyNotBpfElf(content); !why.empty()) raiseBadObject(env, path, 0, why);

  const std::string name = objectName(path);
  LIBBPF_OPTS(bpf_object_open_opts, options);
  options.object_name = name.c_str();
  if (kernelTypes) options.btf_custom_path = kernelTypes->c_str();
  LibbpfLog log;
  bpf_object* object = bpf_object__open_mem(content.data(), content.size(), &options);
  if (object == nullptr) raiseBadObject(env, path, errno, log.cause());
  if (bpf_object__btf(object) == nullptr) {
    bpf_object__close(object);
    raiseBadObject(env, path, 0, "its BTF cannot be parsed");
  }
  AddonState& state = AddonState::of(env);
  return state.create<BpfObject>({state, object, path})->Value();
}

BpfObject::BpfObject(const Napi::CallbackInfo& info) : BpfObject(info, AddonState::takeResources<BpfObject>(info)) {}

BpfObject::BpfObject(const Napi::CallbackInfo& info, Resources& resources)
    : WrappedHandle(info, resources.owner), object_(resources.object), path_(resources.path) {
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object_) programNames_.push_back(bpf_program__name(program));
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object_) {
    if (!bpf_map__is_internal(map)) maps_.emplace_back(bpf_map__name(map), map);
  }
}

Napi::Function BpfObject::define(Napi::Env env) {
  return DefineClass(
      env, "BpfObject",
      {
          InstanceAccessor<&BpfObject::programNames>("programNames"),
          InstanceAccessor<&BpfObject::mapNames>("mapNames"),
          InstanceMethod<&BpfObject::layout>("layout", napi_default_method),
          InstanceMethod<&BpfObject::mapLayout>("mapLayout", napi_default_method),
          InstanceMethod<&BpfObject::section>("section", napi_default_method),
          InstanceMethod<&BpfObject::setAutoload>("setAutoload", napi_default_method),
          InstanceMethod<&BpfObject::setAutocreate>("setAutocreate", napi_default_method),
          InstanceMethod<&BpfObject::setMaxEntries>("setMaxEntries", napi_default_method),
          InstanceMethod<&BpfObject::reuseMap>("reuseMap", napi_default_method),
          InstanceMethod<&BpfObject::setGlobal>("setGlobal", napi_default_method),
          InstanceMethod<&BpfObject::getGlobal>("getGlobal", napi_default_method),
          InstanceMethod<&BpfObject::load>("load", napi_default_method),
          InstanceMethod<&BpfObject::program>("program", napi_default_method),
          InstanceMethod<&BpfObject::map>("map", napi_default_method),
          InstanceMethod<&BpfObject::closeFromScript>("close", napi_default_method),
          InstanceMethod<&BpfObject::closeFromScript>(Napi::Symbol::WellKnown(env, "dispose"), napi_default_method),
      });
}

void BpfObject::childClosing(const Handle& child) noexcept {
  std::erase_if(programHandles_, [&](const auto& entry) { return entry.second == &child; });
  std::erase_if(mapHandles_, [&](const auto& entry) { return entry.second == &child; });
}

void BpfObject::releaseResources() noexcept {
  bpf_object__close(object_);
  object_ = nullptr;
}

void BpfObject::requireOpen(Napi::Env env, const char* operation) const {
  if (isOpen()) return;
  raise(env, {.code = "closed", .operation = operation, .message = "The BPF object " + path_ + " was closed"});
}

void BpfObject::requireBeforeLoad(Napi::Env env, const char* operation) const {
  requireOpen(env, operation);
  if (loaded_) raiseMisuse(env, operation, std::string(operation) + " must come before load of " + path_);
}

void BpfObject::requireAfterLoad(Napi::Env env, const char* operation) const {
  requireOpen(env, operation);
  if (!loaded_) raiseMisuse(env, operation, std::string(operation) + " must come after load of " + path_);
}

bpf_program* BpfObject::findProgram(Napi::Env env, const char* operation, const std::string& name) const {
  bpf_program* found = bpf_object__find_program_by_name(object_, name.c_str());
  if (found != nullptr) return found;
  raiseMisuse(env, operation, path_ + " has no program \"" + name + "\"; it has: " + listed(programNames_), name);
}

bpf_map* BpfObject::findMap(Napi::Env env, const char* operation, const std::string& name) const {
  std::vector<std::string> names;
  for (const auto& [known, map] : maps_) {
    if (known == name) return map;
    names.push_back(known);
  }
  raiseMisuse(env, operation, path_ + " has no map \"" + name + "\"; it has: " + listed(names), name);
}

Napi::Value BpfObject::programNames(const Napi::CallbackInfo& info) {
  return toArray(info.Env(), programNames_);
}

Napi::Value BpfObject::mapNames(const Napi::CallbackInfo& info) {
  std::vector<std::string> names;
  for (const auto& [name, map] : maps_)
    names.push_back(name);
  return toArray(info.Env(), names);
}

Napi::Value BpfObject::layout(const Napi::CallbackInfo& info) {
  requireOpen(info.Env(), "layout");
  return structLayout(info.Env(), bpf_object__btf(object_), stringArgument(info, 0, "layout", "the struct's name"));
}

Napi::Value BpfObject::mapLayout(const Napi::CallbackInfo& info) {
  constexpr const char* operation = "map_layout";
  const Napi::Env env = info.Env();
  requireOpen(env, operation);
  const bpf_map* map = findMap(env, operation, stringArgument(info, 0, operation, "the map's name"));
  const btf* types = bpf_object__btf(object_);
  Napi::Object layout = Napi::Object::New(env);
  layout.Set("key", typeLayout(env, types, bpf_map__btf_key_type_id(map)));
  layout.Set("value", typeLayout(env, types, bpf_map__btf_value_type_id(map)));
  return layout;
}

Napi::Value BpfObject::section(const Napi::CallbackInfo& info) {
  constexpr const char* operation = "section";
  requireOpen(info.Env(), operation);
  const std::string name = stringArgument(info, 0, operation, "the program's name");
  return Napi::String::New(info.Env(), bpf_program__section_name(findProgram(info.Env(), operation, name)));
}

void BpfObject::setAutoload(const Napi::CallbackInfo& info) {
  constexpr const char* operation = "set_autoload";
  requireBeforeLoad(info.Env(), operation);
  const std::string name = stringArgument(info, 0, operation, "the program's name");
  bpf_program__set_autoload(findProgram(info.Env(), operation, name),
                            booleanArgument(info, 1, operation, "the switch"));
}

void BpfObject::setAutocreate(const Napi::CallbackInfo& info) {
  constexpr const char* operation = "set_autocreate";
  requireBeforeLoad(info.Env(), operation);
  const std::string name = stringArgument(info, 0, operation, "the map's name");
  bpf_map__set_autocreate(findMap(info.Env(), operation, name), booleanArgument(info, 1, operation, "the switch"));
}

void BpfObject::setMaxEntries(const Napi::CallbackInfo& info) {
  constexpr const char* operation = "set_max_entries";
  const Napi::Env env = info.Env();
  requireBeforeLoad(env, operation);
  const std::string name = stringArgument(info, 0, operation, "the map's name");
  bpf_map* map = findMap(env, operation, name);
  const double entries = info[1].IsNumber() ? info[1].As<Napi::Number>().DoubleValue() : 0;
  if (!(entries >= 1 && entries <= std::numeric_limits<uint32_t>::max() && std::trunc(entries) == entries)) {
    raiseMisuse(env, operation,
                "Map \"" + name + "\" takes 1 to 4294967295 entries, not " + info[1].ToString().Utf8Value(), name);
  }
  bpf_map__set_max_entries(map, static_cast<uint32_t>(entries));
}

void BpfObject::reuseMap(const Napi::CallbackInfo& info) {
  constexpr const char* operation = "reuse_map";
  const Napi::Env env = info.Env();
  requireBeforeLoad(env, operation);
  const std::string name = stringArgument(info, 0, operation, "the map's name");
  bpf_map* map = findMap(env, operation, name);
  const BpfMap& other = BpfMap::argument(info[1], operation);
  const auto type = static_cast<uint32_t>(bpf_map__type(map));
  if (type != other.type() || bpf_map__key_size(map) != other.keySize() ||
      bpf_map__value_size(map) != other.valueSize()) {
    raiseMisuse(env, operation,
                "Map \"" + name + "\" cannot be replaced by \"" + other.name() +
                    "\": type, key size and value size must be the same",
                name);
  }
  const int error = bpf_map__reuse_fd(map, other.fd());
  if (error != 0) {
    raise(env, {.code = "system",
                .operation = operation,
                .message = "Cannot reuse the map \"" + other.name() + "\"",
                .number = -error,
                .subject = name});
  }
}

void BpfObject::setGlobal(const Napi::CallbackInfo& info) {
  constexpr const char* operation = "set_global";
  const Napi::Env env = info.Env();
  requireOpen(env, operation);
  const std::string name = stringArgument(info, 0, operation, "the variable's name");
  const auto variable = GlobalVariable::find(object_, name);
  if (!variable) raiseMisuse(env, operation, path_ + " has no global variable \"" + name + "\"", name);
  if (loaded_ && variable->constant) {
    raiseMisuse(env, operation, "Global \"" + name + "\" lies in .rodata: it must be set before load", name);
  }
  variable->set(env, info[1]);
}

Napi::Value BpfObject::getGlobal(const Napi::CallbackInfo& info) {
  constexpr const char* operation = "get_global";
  const Napi::Env env = info.Env();
  requireOpen(env, operation);
  const std::string name = stringArgument(info, 0, operation, "the variable's name");
  const auto variable = GlobalVariable::find(object_, name);
  if (!variable) raiseMisuse(env, operation, path_ + " has no global variable \"" + name + "\"", name);
  Napi::Uint8Array copy = Napi::Uint8Array::New(env, variable->size);
  std::copy_n(variable->address, variable->size, copy.Data());
  return copy;
}

void BpfObject::load(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  requireBeforeLoad(env, "load");
  LibbpfLog log;
  const int error = bpf_object__load(object_);
#ifdef __GLIBC__
  malloc_trim(0);  // The kernel's BTF took megabytes; without this they stay resident for good.
#endif
  if (error != 0) {
    const Failure failure = loadFailure(path_, -error, log);
    close();
    raise(env, failure);
  }
  if (const int number = GlobalVariable::shareWithKernel(object_); number != 0) {
    close();
    raise(env, {.code = "system",
                .operation = "load",
                .message = "Cannot map the global variables of " + path_ + " into memory",
                .number = number});
  }
  loaded_ = true;
}

Napi::Value BpfObject::program(const Napi::CallbackInfo& info) {
  constexpr const char* operation = "program";
  const Napi::Env env = info.Env();
  requireAfterLoad(env, operation);
  const std::string name = stringArgument(info, 0, operation, "the program's name");
  bpf_program* program = findProgram(env, operation, name);
  if (bpf_program__fd(program) < 0) {
    raiseMisuse(env, operation, "Program \"" + name + "\" was not loaded: it is switched off by setAutoload", name);
  }
  BpfProgram*& handle = programHandles_[name];
  if (handle == nullptr) handle = AddonState::of(env).create<BpfProgram>({*this, program, path_});
  return handle->Value();
}

Napi::Value BpfObject::map(const Napi::CallbackInfo& info) {
  constexpr const char* operation = "map";
  const Napi::Env env = info.Env();
  requireAfterLoad(env, operation);
  const std::string name = stringArgument(info, 0, operation, "the map's name");
  bpf_map* map = findMap(env, operation, name);
  if (!bpf_map__autocreate(map)) {
    raiseMisuse(env, operation, "Map \"" + name + "\" was not created: it is switched off by setAutocreate", name);
  }
  BpfMap*& handle = mapHandles_[name];
  if (handle == nullptr) handle = BpfMap::fromLibbpf(env, *this, map, name, object_);
  return handle->Value();
}

}  // namespace bpflow
