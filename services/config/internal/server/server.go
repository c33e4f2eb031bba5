// Package server answers operators and the other services: messages in, registry, messages out. It refuses to decide
// anything; faults become statuses in pkg/rpc. Start at Config; record.go sees that every change is audited and carried
// out once.
package server
