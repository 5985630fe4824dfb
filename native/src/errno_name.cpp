#include "errno_name.h"

#include <bpf/libbpf.h>

#include <cerrno>

namespace bpflow {

namespace {

struct NamedErrno {
  int number;
  const char* name;
};

#define NAMED(number) \
  { number, #number }
constexpr NamedErrno errnoNames[] = {NAMED(EPERM),
                                     NAMED(ENOENT),
                                     NAMED(ESRCH),
                                     NAMED(EINTR),
                                     NAMED(EIO),
                                     NAMED(ENXIO),
                                     NAMED(E2BIG),
                                     NAMED(ENOEXEC),
                                     NAMED(EBADF),
                                     NAMED(ECHILD),
                                     NAMED(EAGAIN),
                                     NAMED(ENOMEM),
                                     NAMED(EACCES),
                                     NAMED(EFAULT),
                                     NAMED(ENOTBLK),
                                     NAMED(EBUSY),
                                     NAMED(EEXIST),
                                     NAMED(EXDEV),
                                     NAMED(ENODEV),
                                     NAMED(ENOTDIR),
                                     NAMED(EISDIR),
                                     NAMED(EINVAL),
                                     NAMED(ENFILE),
                                     NAMED(EMFILE),
                                     NAMED(ENOTTY),
                                     NAMED(ETXTBSY),
                                     NAMED(EFBIG),
                                     NAMED(ENOSPC),
                                     NAMED(ESPIPE),
                                     NAMED(EROFS),
                                     NAMED(EMLINK),
                                     NAMED(EPIPE),
                                     NAMED(EDOM),
                                     NAMED(ERANGE),
                                     NAMED(EDEADLK),
                                     NAMED(ENAMETOOLONG),
                                     NAMED(ENOLCK),
                                     NAMED(ENOSYS),
                                     NAMED(ENOTEMPTY),
                                     NAMED(ELOOP),
                                     NAMED(ENOMSG),
                                     NAMED(EIDRM),
                                     NAMED(ECHRNG),
                                     NAMED(EL2NSYNC),
                                     NAMED(EL3HLT),
                                     NAMED(EL3RST),
                                     NAMED(ELNRNG),
                                     NAMED(EUNATCH),
                                     NAMED(ENOCSI),
                                     NAMED(EL2HLT),
                                     NAMED(EBADE),
                                     NAMED(EBADR),
                                     NAMED(EXFULL),
                                     NAMED(ENOANO),
                                     NAMED(EBADRQC),
                                     NAMED(EBADSLT),
                                     NAMED(EBFONT),
                                     NAMED(ENOSTR),
                                     NAMED(ENODATA),
                                     NAMED(ETIME),
                                     NAMED(ENOSR),
                                     NAMED(ENONET),
                                     NAMED(ENOPKG),
                                     NAMED(EREMOTE),
                                     NAMED(ENOLINK),
                                     NAMED(EADV),
                                     NAMED(ESRMNT),
                                     NAMED(ECOMM),
                                     NAMED(EPROTO),
                                     NAMED(EMULTIHOP),
                                     NAMED(EDOTDOT),
                                     NAMED(EBADMSG),
                                     NAMED(EOVERFLOW),
                                     NAMED(ENOTUNIQ),
                                     NAMED(EBADFD),
                                     NAMED(EREMCHG),
                                     NAMED(ELIBACC),
                                     NAMED(ELIBBAD),
                                     NAMED(ELIBSCN),
                                     NAMED(ELIBMAX),
                                     NAMED(ELIBEXEC),
                                     NAMED(EILSEQ),
                                     NAMED(ERESTART),
                                     NAMED(ESTRPIPE),
                                     NAMED(EUSERS),
                                     NAMED(ENOTSOCK),
                                     NAMED(EDESTADDRREQ),
                                     NAMED(EMSGSIZE),
                                     NAMED(EPROTOTYPE),
                                     NAMED(ENOPROTOOPT),
                                     NAMED(EPROTONOSUPPORT),
                                     NAMED(ESOCKTNOSUPPORT),
                                     NAMED(EOPNOTSUPP),
                                     NAMED(EPFNOSUPPORT),
                                     NAMED(EAFNOSUPPORT),
                                     NAMED(EADDRINUSE),
                                     NAMED(EADDRNOTAVAIL),
                                     NAMED(ENETDOWN),
                                     NAMED(ENETUNREACH),
                                     NAMED(ENETRESET),
                                     NAMED(ECONNABORTED),
                                     NAMED(ECONNRESET),
                                     NAMED(ENOBUFS),
                                     NAMED(EISCONN),
                                     NAMED(ENOTCONN),
                                     NAMED(ESHUTDOWN),
                                     NAMED(ETOOMANYREFS),
                                     NAMED(ETIMEDOUT),
                                     NAMED(ECONNREFUSED),
                                     NAMED(EHOSTDOWN),
                                     NAMED(EHOSTUNREACH),
                                     NAMED(EALREADY),
                                     NAMED(EINPROGRESS),
                                     NAMED(ESTALE),
                                     NAMED(EUCLEAN),
                                     NAMED(ENOTNAM),
                                     NAMED(ENAVAIL),
                                     NAMED(EISNAM),
                                     NAMED(EREMOTEIO),
                                     NAMED(EDQUOT),
                                     NAMED(ENOMEDIUM),
                                     NAMED(EMEDIUMTYPE),
                                     NAMED(ECANCELED),
                                     NAMED(ENOKEY),
                                     NAMED(EKEYEXPIRED),
                                     NAMED(EKEYREVOKED),
                                     NAMED(EKEYREJECTED),
                                     NAMED(EOWNERDEAD),
                                     NAMED(ENOTRECOVERABLE),
                                     NAMED(ERFKILL),
                                     {kernelNotSupported, "ENOTSUPP"}};
#undef NAMED

}  // namespace

std::string errnoName(int number) {
  for (const NamedErrno& known : errnoNames) {
    if (known.number == number) return known.name;
  }
  return "";
}

std::string errnoText(int number) {
  if (number == kernelNotSupported) return "Operation is not supported by the kernel";
  char text[128] = "";
  libbpf_strerror(number, text, sizeof(text));
  return text;
}

}  // namespace bpflow
