#include "attachment.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>

#include <cerrno>
#include <initializer_list>
#include <string_view>

#include "arguments.h"
#include "bpf_map.h"

namespace bpflow {

namespace {

constexpr const char* attachOperation = "attach";

Attachment failed(const std::string& cause = {}) {
  return {.number = errno, .cause = cause};
}

/** What libbpf returns: a link, or nothing and errno. */
Attachment linked(bpf_link* link) {
  if (link == nullptr) return failed();
  return {.link = link};
}

std::string text(const Napi::Value& value, const std::string& name, const bpf_program* program) {
  if (!value.IsString())
    raiseMisuse(value.Env(), attachOperation, name + " must be a string", bpf_program__name(program));
  return value.As<Napi::String>();
}

Attachment attachToMap(const Napi::Value& map, bpf_program* program) {
  bpf_iter_link_info target = {};
  target.map.map_fd = static_cast<uint32_t>(BpfMap::argument(map, attachOperation).fd());
  LIBBPF_OPTS(bpf_iter_attach_opts, options);
  options.link_info = &target;
  options.link_info_len = sizeof(target);
  return linked(bpf_program__attach_iter(program, &options));
}

Attachment attachToCgroup(const std::string& path, bpf_program* program) {
  const FileDescriptor folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid()) return failed("the cgroup " + path);
  return linked(bpf_program__attach_cgroup(program, folder.get()));
}

/** The program sees what the socket would be given; nobody reads that, and the least room is left for it. */
Attachment attachToSocket(int interface, bpf_program* program) {
  // Without a protocol nothing comes before the program is there.
  FileDescriptor socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return failed("a packet socket");
  const int least = 0;
  const int filter = bpf_program__fd(program);
  sockaddr_ll place = {};
  place.sll_family = AF_PACKET;
  place.sll_protocol = htons(ETH_P_ALL);
  place.sll_ifindex = interface;
  if (setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &least, sizeof(least)) != 0 ||
      setsockopt(socket.get(), SOL_SOCKET, SO_ATTACH_BPF, &filter, sizeof(filter)) != 0 ||
      bind(socket.get(), reinterpret_cast<const sockaddr*>(&place), sizeof(place)) != 0) {
    return failed();
  }
  return {.descriptor = std::move(socket)};
}

/** In the driver; where that refuses (it has no XDP, or not for packets of this size), in the kernel behind it, at more
 * cost. */
Attachment attachXdp(int interface, bpf_program* program) {
  bpf_link* link = bpf_program__attach_xdp(program, interface);
  if (link != nullptr) return {.link = link};
  const int refused = errno;
  LIBBPF_OPTS(bpf_link_create_opts, options);
  options.flags = XDP_FLAGS_SKB_MODE;
  FileDescriptor generic(bpf_link_create(bpf_program__fd(program), interface, BPF_XDP, &options));
  if (generic.valid()) return {.descriptor = std::move(generic)};
  errno = refused;
  return failed();
}

Attachment attachToInterface(const Napi::Value& named, bpf_program* program) {
  const std::string name = text(named, "interface", program);
  const auto index = static_cast<int>(if_nametoindex(name.c_str()));
  if (index == 0) return failed("the interface " + name);
  switch (bpf_program__type(program)) {
    case BPF_PROG_TYPE_XDP:
      return attachXdp(index, program);
    case BPF_PROG_TYPE_SCHED_CLS:
      return linked(bpf_program__attach_tcx(program, index, nullptr));
    case BPF_PROG_TYPE_SOCKET_FILTER:
      return attachToSocket(index, program);
    default:
      raiseMisuse(named.Env(), attachOperation,
                  std::string("a program of the section \"") + bpf_program__section_name(program) +
                      "\" does not attach to an interface",
                  bpf_program__name(program));
  }
}

Attachment attachToFunction(const Napi::Value& place, bpf_program* program) {
  if (!place.IsObject())
    raiseMisuse(place.Env(), attachOperation, "uprobe must be an object", bpf_program__name(program));
  const std::string binary = text(place.As<Napi::Object>().Get("binary"), "uprobe.binary", program);
  const std::string symbol = text(place.As<Napi::Object>().Get("symbol"), "uprobe.symbol", program);
  constexpr pid_t everybody = -1;
  const std::string_view section = bpf_program__section_name(program);
  const bool atReturn = section.starts_with("uretprobe");
  if (bpf_program__expected_attach_type(program) == BPF_TRACE_UPROBE_MULTI) {
    LIBBPF_OPTS(bpf_uprobe_multi_opts, options);
    options.retprobe = atReturn;
    return linked(bpf_program__attach_uprobe_multi(program, everybody, binary.c_str(), symbol.c_str(), &options));
  }
  LIBBPF_OPTS(bpf_uprobe_opts, options);
  options.func_name = symbol.c_str();
  options.retprobe = atReturn;
  return linked(bpf_program__attach_uprobe_opts(program, everybody, binary.c_str(), 0, &options));
}

}  // namespace

Attachment attachProgram(const Napi::CallbackInfo& info, bpf_program* program) {
  const Napi::Value map = option(info, 0, attachOperation, "map");
  const Napi::Value cgroup = option(info, 0, attachOperation, "cgroup");
  const Napi::Value interface = option(info, 0, attachOperation, "interface");
  const Napi::Value uprobe = option(info, 0, attachOperation, "uprobe");
  int given = 0;
  for (const Napi::Value& each : {map, cgroup, interface, uprobe})
    given += each.IsUndefined() ? 0 : 1;
  if (given > 1)
    raiseMisuse(info.Env(), attachOperation, "a program attaches to one place", bpf_program__name(program));
  errno = 0;
  if (!map.IsUndefined()) return attachToMap(map, program);
  if (!cgroup.IsUndefined()) return attachToCgroup(text(cgroup, "cgroup", program), program);
  if (!interface.IsUndefined()) return attachToInterface(interface, program);
  if (!uprobe.IsUndefined()) return attachToFunction(uprobe, program);
  constexpr int everyInterface = 0;
  if (bpf_program__type(program) == BPF_PROG_TYPE_SOCKET_FILTER) return attachToSocket(everyInterface, program);
  return linked(bpf_program__attach(program));
}

}  // namespace bpflow
