#include "handle.h"

#include <algorithm>

namespace bpflow {

void HandleOwner::closeChildren() noexcept {
  while (!children_.empty())
    children_.back()->close();
}

Handle::Handle(HandleOwner& owner) : owner_(owner) {
  owner_.children_.push_back(this);
}

Handle::~Handle() {
  if (open_) std::erase(owner_.children_, this);
}

void Handle::close() noexcept {
  if (!open_) return;
  open_ = false;
  closeChildren();
  std::erase(owner_.children_, this);
  owner_.childClosing(*this);
  release();
}

}  // namespace bpflow
