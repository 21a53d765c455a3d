#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <span>

#include <concurrentqueue/concurrentqueue.h>

#include "domain/check.h"

namespace halcyon::daemon {

/// A bounded queue between threads, known by its ends. Holding an end is the permission: who owns a
/// Writer cannot read, and there is one Reader. Nobody else ever sees the queue. Order is kept per
/// writer. `capacity` is each writer's own, so that a fast venue cannot starve a slow one.
///
/// After construction nothing allocates: all blocks and all block indices exist, and a writer can
/// hold no more than its own share of them (the queue never takes a block back from a writer, so
/// without that bound one busy writer would leave the others unable to push, for good).
template <class T, std::size_t capacity>
class Lane {
  static constexpr std::size_t block = 64;
  static_assert(capacity % block == 0 && capacity >= 2 * block, "whole blocks, two at least");

  struct Traits : moodycamel::ConcurrentQueueDefaultTraits {
    static constexpr std::size_t BLOCK_SIZE = block;  // NOLINT(readability-identifier-naming)
    static constexpr std::size_t MAX_SUBQUEUE_SIZE = capacity;                        // NOLINT
    static constexpr std::size_t EXPLICIT_INITIAL_INDEX_SIZE = 2 * capacity / block;  // NOLINT
    static constexpr std::size_t INITIAL_IMPLICIT_PRODUCER_HASH_SIZE = 0;  // NOLINT: tokens only
  };
  using Queue = moodycamel::ConcurrentQueue<T, Traits>;

 public:
  /// One per writing thread; movable, not copyable. Outlived by its Lane.
  class Writer {
   public:
    Writer(Writer&&) noexcept = default;
    Writer& operator=(Writer&&) noexcept = default;

    /// False, and nothing happens, when this writer's share is full.
    [[nodiscard]] bool try_push(const T& item) { return queue_->try_enqueue(token_, item); }
    [[nodiscard]] bool try_push(T&& item) { return queue_->try_enqueue(token_, std::move(item)); }
    /// All of them, in order, or none.
    [[nodiscard]] bool try_push_all(std::span<const T> items) {
      return queue_->try_enqueue_bulk(token_, items.data(), items.size());
    }

    /// How many items of all writers wait, about; exact when the reader is this thread.
    std::size_t size() const { return queue_->size_approx(); }

   private:
    friend class Lane;
    explicit Writer(Queue& queue) : queue_(&queue), token_(queue) {}
    Queue* queue_;
    moodycamel::ProducerToken token_;
  };

  /// The only one.
  class Reader {
   public:
    Reader(Reader&&) noexcept = default;
    Reader& operator=(Reader&&) noexcept = default;

    [[nodiscard]] bool try_pop(T& item) { return queue_->try_dequeue(token_, item); }
    /// Hands at most `most` items to `take`; returns how many.
    template <class Take>
    std::size_t drain(std::size_t most, Take&& take) {
      std::size_t count = 0;
      T item;
      while (count < most && queue_->try_dequeue(token_, item)) {
        ++count;
        take(item);
      }
      return count;
    }
    /// How many wait, about; exact when the writers are this thread.
    std::size_t size() const { return queue_->size_approx(); }

   private:
    friend class Lane;
    explicit Reader(Queue& queue) : queue_(&queue), token_(queue) {}
    Queue* queue_;
    moodycamel::ConsumerToken token_;
  };

  /// `writers`: how many ends for writing will be asked for.
  explicit Lane(std::size_t writers)
      // The queue keeps one block more in use per writer than its items fill.
      : writers_left_(writers),
        queue_(std::make_unique<Queue>(writers * (capacity + 2 * block), writers, 0)) {}

  /// Thread: the one that wires, before the ends are used.
  Writer writer() {
    HALCYON_CHECK(writers_left_ > 0, "no more writers than were announced");
    --writers_left_;
    return Writer{*queue_};
  }
  Reader reader() {
    HALCYON_CHECK(!has_reader_, "a lane has one reader");
    has_reader_ = true;
    return Reader{*queue_};
  }

 private:
  std::size_t writers_left_;
  bool has_reader_ = false;
  std::unique_ptr<Queue> queue_;
};

}  // namespace halcyon::daemon
