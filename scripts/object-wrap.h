// Read before everything else where better-sqlite3 is compiled. From Node 24.19 on the header of node::ObjectWrap adds a
// clean-up hook for each object and removes it in the destructor; that runs in garbage collections without a context, where
// the removal aborts the process. better-sqlite3 12, the last one for Node 20, needs no such hook: it has its own.
#pragma once
#include <node.h>
#define AddEnvironmentCleanupHook(...) static_cast<void>(0)
#define RemoveEnvironmentCleanupHook(...) static_cast<void>(0)
#include <node_object_wrap.h>
#undef AddEnvironmentCleanupHook
#undef RemoveEnvironmentCleanupHook
