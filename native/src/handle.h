#pragma once

#include <napi.h>

#include <vector>

namespace bpflow {

class Handle;

/**
 * Owns open handles and closes them, newest first. The tree is
 *
 *   environment ── object ─┬─ program
 *                          ├─ link
 *                          └─ map ── ring
 *               └─ statistics
 *
 * so that closing an object, or the end of an environment, leaves nothing in the kernel.
 */
class HandleOwner {
 public:
  HandleOwner(const HandleOwner&) = delete;
  HandleOwner& operator=(const HandleOwner&) = delete;

 protected:
  HandleOwner() = default;
  virtual ~HandleOwner() = default;

  void closeChildren() noexcept;

  /** Called once for each child, before the child frees what it holds. */
  virtual void childClosing(const Handle&) noexcept {}

 private:
  friend class Handle;
  std::vector<Handle*> children_;
};

/** Something open in the kernel, closable any number of times. */
class Handle : public HandleOwner {
 public:
  bool isOpen() const { return open_; }
  void close() noexcept;

 protected:
  explicit Handle(HandleOwner& owner);
  ~Handle() override;

  /** Frees what the handle holds. Called once, after the children were closed. */
  virtual void release() noexcept = 0;

 private:
  HandleOwner& owner_;
  bool open_ = true;
};

/**
 * A handle that JavaScript sees. Its JavaScript object is kept alive while it is open: a link that its user forgot
 * stays attached until its environment ends; it is never detached by a garbage collection.
 */
template <typename T>
class WrappedHandle : public Napi::ObjectWrap<T>, public Handle {
 protected:
  WrappedHandle(const Napi::CallbackInfo& info, HandleOwner& owner) : Napi::ObjectWrap<T>(info), Handle(owner) {
    info.This().As<Napi::Object>().TypeTag(&T::typeTag);
    this->Ref();
  }

  void release() noexcept final {
    releaseResources();
    napi_reference_unref(this->Env(), *this, nullptr);
  }

  virtual void releaseResources() noexcept = 0;
};

}  // namespace bpflow
