#include "channel_sources.h"

namespace postern {

void ChannelSources::enter(const UdpPeer& peer, uint32_t worker) {
  std::lock_guard lock(mutex_);
  sources_[sourceOf(peer)].channels[peer] = worker;
}

void ChannelSources::leave(const UdpPeer& peer, uint32_t worker) {
  std::lock_guard lock(mutex_);
  const auto source = sources_.find(sourceOf(peer));
  if (source == sources_.end()) return;
  auto& channels = source->second.channels;
  const auto channel = channels.find(peer);
  if (channel == channels.end() || channel->second != worker) return;
  channels.erase(channel);
  if (channels.empty()) sources_.erase(source);
}

std::vector<ChannelSources::Channel> ChannelSources::channelsOf(const Source& source) {
  std::vector<Channel> all;
  if (source.channels.size() > kChannels) return all;
  for (const auto& [peer, worker] : source.channels) all.push_back({peer, worker});
  return all;
}

std::vector<ChannelSources::Channel> ChannelSources::tried(const UdpPeer& stranger, uint64_t nowMs) {
  std::lock_guard lock(mutex_);
  const auto found = sources_.find(sourceOf(stranger));
  if (found == sources_.end()) return {};
  Source& source = found->second;
  if (source.second != nowMs / 1000) {
    source.second = nowMs / 1000;
    source.trials = 0;
  }
  if (source.trials >= kTrials) return {};
  ++source.trials;
  return channelsOf(source);
}

std::vector<ChannelSources::Channel> ChannelSources::of(const UdpPeer& stranger) const {
  std::lock_guard lock(mutex_);
  const auto found = sources_.find(sourceOf(stranger));
  return found == sources_.end() ? std::vector<Channel>() : channelsOf(found->second);
}

size_t ChannelSources::size() const {
  std::lock_guard lock(mutex_);
  return sources_.size();
}

}  // namespace postern
