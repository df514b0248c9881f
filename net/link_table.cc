#include "net/link_table.h"

#include <algorithm>
#include <utility>

namespace quorate {

LinkTable::LinkTable(const Identity& self, BootNumber boot, const LinkOptions& options)
    : self_(self), boot_(boot), options_(options) {}

void LinkTable::AddPeer(MonoTime now, NodeId peer, LinkOutputs& out) {
  if (peer == self_.node || links_.contains(peer)) return;
  const auto removed = removed_.find(peer);
  if (removed == removed_.end()) {
    Link& link = links_.emplace(peer, Link(self_, boot_, peer, options_)).first->second;
    if (enabled_) link.Enable(now, out);
  } else {
    Link& link = links_.emplace(peer, std::move(removed->second)).first->second;
    removed_.erase(removed);
    link.Reset(now, out);
    if (enabled_) link.Enable(now, out);
  }
  FindNextTimer();
}

void LinkTable::RemovePeer(MonoTime now, NodeId peer, LinkOutputs& out) {
  const auto found = links_.find(peer);
  if (found == links_.end()) return;
  LinkOutputs last;
  found->second.Reset(now, last);
  for (LinkOutput& output : last) {
    // The hello of an attempt that nobody will make stays here.
    if (std::holds_alternative<LinkDown>(output)) out.push_back(std::move(output));
  }
  removed_.emplace(peer, std::move(found->second));
  links_.erase(found);
  FindNextTimer();
}

void LinkTable::Enable(MonoTime now, LinkOutputs& out) {
  enabled_ = true;
  for (auto& [peer, link] : links_) link.Enable(now, out);
  FindNextTimer();
}

void LinkTable::Reset(MonoTime now, NodeId peer, LinkOutputs& out) {
  Link* const link = Find(peer);
  if (link == nullptr) return;
  link->Reset(now, out);
  FindNextTimer();
}

void LinkTable::OnFrame(MonoTime now, Frame frame, LinkOutputs& out) {
  const std::size_t first = out.size();
  const NodeId sender = SenderOf(frame);
  Link* const link = Find(sender);
  if (link == nullptr) {
    out.emplace_back(FrameRejected{sender, RejectReason::kOtherNode});
  } else {
    const MonoTime timer = link->NextTimer();
    link->OnFrame(now, std::move(frame), out);
    if (link->NextTimer() != timer) FindNextTimer();
  }
  CountRejects(std::span(out).subspan(first));
}

void LinkTable::OnTimer(MonoTime now, LinkOutputs& out) {
  if (now < next_timer_) return;
  for (auto& [peer, link] : links_) link.OnTimer(now, out);
  FindNextTimer();
}

std::optional<BatchFrame> LinkTable::Pack(Outgoing outgoing) const {
  const Link* const found = link(outgoing.to);
  if (found == nullptr) return std::nullopt;
  return found->Pack(outgoing.session, std::move(outgoing.messages));
}

const Link* LinkTable::link(NodeId peer) const {
  const auto found = links_.find(peer);
  return found == links_.end() ? nullptr : &found->second;
}

std::uint64_t LinkTable::rejected(RejectReason reason) const {
  return rejected_[static_cast<std::size_t>(reason)];
}

Link* LinkTable::Find(NodeId peer) {
  const auto found = links_.find(peer);
  return found == links_.end() ? nullptr : &found->second;
}

void LinkTable::CountRejects(std::span<const LinkOutput> fresh) {
  for (const LinkOutput& output : fresh) {
    const auto* const rejected = std::get_if<FrameRejected>(&output);
    if (rejected != nullptr) ++rejected_[static_cast<std::size_t>(rejected->reason)];
  }
}

void LinkTable::FindNextTimer() {
  next_timer_ = kNever;
  for (const auto& [peer, link] : links_) next_timer_ = std::min(next_timer_, link.NextTimer());
}

}  // namespace quorate
