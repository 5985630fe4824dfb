#include "struct_layout.h"

#include <vector>

#include "arguments.h"

namespace bpflow {

namespace {

constexpr const char* layoutOperation = "layout";

struct Member {
  std::string name;
  uint32_t offset;
  uint32_t size;
  std::string type;
  std::string kind;
  uint32_t length;
  bool array;
};

class Layout {
 public:
  Layout(Napi::Env env, const btf* types, const std::string& name) : env_(env), types_(types), name_(name) {}

  void addMembers(const btf_type* type, uint32_t start);
  void addMember(const std::string& name, uint32_t typeId, uint32_t offset);
  Napi::Object toObject(uint32_t size) const;

 private:
  void describe(Member& member, uint32_t typeId) const;
  std::string baseName(uint32_t typeId) const;
  std::string text(uint32_t offset) const { return btf__name_by_offset(types_, offset); }
  [[noreturn]] void refuse(const std::string& member, const std::string& why) const;

  Napi::Env env_;
  const btf* types_;
  std::string name_;
  std::vector<Member> members_;
};

bool isModifier(const btf_type* type) {
  return btf_is_const(type) || btf_is_volatile(type) || btf_is_restrict(type) || btf_is_type_tag(type);
}

void Layout::addMembers(const btf_type* type, uint32_t start) {
  const btf_member* members = btf_members(type);
  for (uint16_t i = 0; i < btf_vlen(type); ++i) {
    const std::string name = text(members[i].name_off);
    const uint32_t bits = btf_member_bit_offset(type, i);
    if (btf_member_bitfield_size(type, i) != 0 || bits % 8 != 0) refuse(name, "is a bit field");
    const uint32_t offset = start + bits / 8;
    const btf_type* inner = btf__type_by_id(types_, static_cast<uint32_t>(btf__resolve_type(types_, members[i].type)));
    if (name.empty() && inner != nullptr && btf_is_composite(inner)) {
      addMembers(inner, offset);
    } else {
      addMember(name, members[i].type, offset);
    }
  }
}

void Layout::addMember(const std::string& name, uint32_t typeId, uint32_t offset) {
  const int64_t size = btf__resolve_size(types_, typeId);
  if (size < 0) refuse(name, "has no size");
  Member member = {name, offset, static_cast<uint32_t>(size), "", "", 1, false};
  describe(member, typeId);
  members_.push_back(member);
}

/** Walks from the declared type to the base type: the first typedef met gives the name, arrays multiply the length. */
void Layout::describe(Member& member, uint32_t typeId) const {
  for (;;) {
    const btf_type* type = btf__type_by_id(types_, typeId);
    if (btf_is_array(type)) {
      member.array = true;
      member.length *= btf_array(type)->nelems;
      typeId = btf_array(type)->type;
    } else if (btf_is_typedef(type)) {
      if (member.type.empty()) member.type = text(type->name_off);
      typeId = type->type;
    } else if (isModifier(type)) {
      typeId = type->type;
    } else {
      break;
    }
  }
  const btf_type* base = btf__type_by_id(types_, typeId);
  if (member.type.empty()) member.type = baseName(typeId);
  if (btf_is_int(base)) {
    const uint8_t encoding = btf_int_encoding(base);
    // clang marks `char` as a signed number like any other; only its name tells.
    const bool character = encoding == BTF_INT_CHAR || text(base->name_off) == "char";
    member.kind = encoding == BTF_INT_BOOL ? "bool" : character ? "char" : encoding == BTF_INT_SIGNED ? "int" : "uint";
  } else if (btf_is_struct(base)) {
    member.kind = "struct";
  } else if (btf_is_union(base)) {
    member.kind = "union";
  } else if (btf_is_any_enum(base)) {
    member.kind = "enum";
  } else if (btf_is_ptr(base)) {
    member.kind = "pointer";
  } else {
    refuse(member.name, "is neither a number, an enum, a pointer, a struct nor a union");
  }
}

std::string Layout::baseName(uint32_t typeId) const {
  const btf_type* type = btf__type_by_id(types_, typeId);
  while (isModifier(type))
    type = btf__type_by_id(types_, type->type);
  const std::string name = text(type->name_off);
  const std::string shown = name.empty() ? "(anonymous)" : name;
  if (btf_is_ptr(type)) return baseName(type->type) + " *";
  if (btf_is_void(type)) return "void";
  if (btf_is_struct(type) || (btf_is_fwd(type) && !btf_kflag(type))) return "struct " + shown;
  if (btf_is_union(type) || btf_is_fwd(type)) return "union " + shown;
  if (btf_is_any_enum(type)) return "enum " + shown;
  if (btf_is_func_proto(type)) return "function";
  if (btf_is_array(type)) return baseName(btf_array(type)->type) + " []";
  return shown;
}

void Layout::refuse(const std::string& member, const std::string& why) const {
  raiseMisuse(env_, layoutOperation,
              "The layout of struct " + name_ + " cannot be told: member \"" + member + "\" " + why);
}

Napi::Object Layout::toObject(uint32_t size) const {
  Napi::Array members = Napi::Array::New(env_, members_.size());
  for (uint32_t i = 0; i < members_.size(); ++i) {
    const Member& member = members_[i];
    Napi::Object object = Napi::Object::New(env_);
    object.Set("name", member.name);
    object.Set("offset", member.offset);
    object.Set("size", member.size);
    object.Set("type", member.type);
    object.Set("kind", member.kind);
    if (member.array) object.Set("length", member.length);
    members.Set(i, object);
  }
  Napi::Object layout = Napi::Object::New(env_);
  layout.Set("name", name_);
  layout.Set("size", size);
  layout.Set("members", members);
  return layout;
}

const btf_type* findComposite(const btf* types, const std::string& name) {
  for (const uint32_t kind : {BTF_KIND_STRUCT, BTF_KIND_UNION, BTF_KIND_TYPEDEF}) {
    const int found = btf__find_by_name_kind(types, name.c_str(), kind);
    if (found <= 0) continue;
    const int resolved = btf__resolve_type(types, static_cast<uint32_t>(found));
    const btf_type* type = resolved > 0 ? btf__type_by_id(types, static_cast<uint32_t>(resolved)) : nullptr;
    if (type != nullptr && btf_is_composite(type)) return type;
  }
  return nullptr;
}

}  // namespace

Napi::Object structLayout(Napi::Env env, const btf* types, const std::string& name) {
  const btf_type* type = findComposite(types, name);
  if (type == nullptr) {
    raiseMisuse(env, layoutOperation,
                "The object has no struct \"" + name + "\" in its BTF; a map or a program must use it to be there");
  }
  Layout layout(env, types, name);
  layout.addMembers(type, 0);
  return layout.toObject(type->size);
}

Napi::Value typeLayout(Napi::Env env, const btf* types, uint32_t typeId) {
  const int resolved = typeId == 0 ? 0 : btf__resolve_type(types, typeId);
  if (resolved <= 0) return env.Undefined();
  const btf_type* type = btf__type_by_id(types, static_cast<uint32_t>(resolved));
  if (btf_is_composite(type)) {
    Layout layout(env, types, btf__name_by_offset(types, type->name_off));
    layout.addMembers(type, 0);
    return layout.toObject(type->size);
  }
  Layout layout(env, types, "");
  layout.addMember("", typeId, 0);
  return layout.toObject(static_cast<uint32_t>(btf__resolve_size(types, typeId)));
}

}  // namespace bpflow
