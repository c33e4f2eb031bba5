package app_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/customer-exports/exports/pkg/bus/bustest"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

const thousand = 1000

// BenchmarkThousandCustomers onboards customers through the wire, onto a NATS server that syncs every write, and lists
// them; then it restarts the server and counts. It reports medians, in milliseconds:
//
//	create-ms      CreateExport, the first revision of an export of its own customer
//	approve-ms     ApproveRevision
//	list-page-ms   ListExports, a page of 100 among 1,000
//
// Extractor and delivery are stand-ins that answer at once: their own time comes on top. Run it once: `make bench`.
func BenchmarkThousandCustomers(b *testing.B) {
	for range b.N {
		nats := bustest.StartServer(b)
		c := start(b, nats.URL())
		creates, approvals := fill(b, c)
		b.ReportMetric(median(creates), "create-ms")
		b.ReportMetric(median(approvals), "approve-ms")
		b.ReportMetric(median(pages(b, c, 20)), "list-page-ms")
		nats.Restart()
		pages(b, start(b, nats.URL()), 1) // fails when one is lost
	}
}

// fill creates and approves an export for each of a thousand customers.
func fill(b *testing.B, c clients) (creates, approvals []time.Duration) {
	b.Helper()
	for i := range thousand {
		id := fmt.Sprintf("customer-%04d", i)
		if _, err := c.CreateCustomer(b.Context(), customer(id)); err != nil {
			b.Fatal(err)
		}
		creates = append(creates, timed(func() error {
			_, err := c.CreateExport(b.Context(), &configv1.CreateExportRequest{
				ExportId: id + "-daily", CustomerId: id, Spec: spec(id), Author: author, Reason: "onboarding",
			})
			return err
		}, b))
		approvals = append(approvals, timed(func() error {
			_, err := c.revisions.ApproveRevision(b.Context(), &configv1.ApproveRevisionRequest{
				ExportId: id + "-daily", Revision: 1, Approver: second, Reason: "as agreed",
			})
			return err
		}, b))
	}
	return creates, approvals
}

// pages lists everything, some times over, and fails unless each time all are there.
func pages(b *testing.B, c clients, times int) (took []time.Duration) {
	b.Helper()
	for range times {
		seen, token := 0, ""
		for more := true; more; more = token != "" {
			took = append(took, timed(func() error {
				answer, err := c.ListExports(b.Context(), &configv1.ListExportsRequest{PageToken: token})
				seen, token = seen+len(answer.GetExports()), answer.GetNextPageToken()
				return err
			}, b))
		}
		if seen != thousand {
			b.Fatalf("%d exports are listed, want %d", seen, thousand)
		}
	}
	return took
}

func timed(do func() error, b *testing.B) time.Duration {
	b.Helper()
	began := time.Now()
	if err := do(); err != nil {
		b.Fatal(err)
	}
	return time.Since(began)
}

func median(all []time.Duration) float64 {
	slices.Sort(all)
	return float64(all[len(all)/2].Microseconds()) / 1000
}
