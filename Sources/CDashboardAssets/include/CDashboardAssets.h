#pragma once
#include <stddef.h>
#include <stdint.h>

/// A file of the dashboard's page, as it was when this was built.
typedef struct {
    const char *_Nonnull name;
    const uint8_t *_Nonnull bytes;
    size_t count;
} DashboardFile;

/// How many files there are.
size_t dashboard_file_count(void);
/// One of them; the last one for an index beyond.
DashboardFile dashboard_file(size_t index);
