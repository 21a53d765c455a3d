#pragma once

#include <cstddef>
#include <string>

#include "tests/persistence/projector/memory_journal.h"

namespace halcyon::tests {

/// Trading as it looks in a journal: orders that are opened, acknowledged, filled in parts; their
/// positions, balances, equity; now and then a frame that decided nothing, or many things. Appends
/// about `frames` frames, and the names before the first. Equal seeds, equal days.
void trade(MemoryJournal& journal, std::size_t frames, unsigned seed);

/// Compares what PostgreSQL has with the journal, record by record: nothing lost, nothing twice.
void expect_exactly(const MemoryJournal& journal, const std::string& dsn);

}  // namespace halcyon::tests
