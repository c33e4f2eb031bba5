package app

import (
	"testing"
	"time"
)

// BenchmarkThousandCustomers has a thousand customers due at the same minute, 12 tables each. It reports:
//
//	planned-s     until two planners side by side had planned all runs
//	drained-s     until all 14,000 tasks were done, a statement taking 10 ms
//	statements    at once, at most; the cap is 8
func BenchmarkThousandCustomers(b *testing.B) {
	for range b.N {
		l := carry(b, small(1000), alike())
		l.check(b)
		b.ReportMetric(l.planned.Seconds(), "planned-s")
		b.ReportMetric(l.percentile(100).Seconds(), "drained-s")
		b.ReportMetric(float64(max(l.queued, l.crew.most)), "statements")
	}
}

// BenchmarkOneGiant compares how long small customers wait alone and beside one that holds 90 % of all rows. A statement
// takes 60 ms for every 100,000 rows, so that a part of the giant takes 20 times as long. It reports:
//
//	alone-p95-s, beside-p95-s   until 95 % of the small customers had their drop
//	growth-%                    of that
func BenchmarkOneGiant(b *testing.B) {
	const customers, rows = 150, 100_000
	workers := func() *crew {
		return &crew{
			work: func(rows int64) time.Duration { return time.Duration(rows) * 600 * time.Nanosecond },
			rows: func(customer string) int64 {
				if customer == giant {
					return 9 * customers * rows
				}
				return rows
			},
		}
	}
	for range b.N {
		alone := carry(b, small(customers), workers()).percentile(95).Seconds()
		beside := carry(b, append(small(customers), daily(giant, yesterday(), tablesOfOne...)), workers()).percentile(95).Seconds()
		b.ReportMetric(alone, "alone-p95-s")
		b.ReportMetric(beside, "beside-p95-s")
		b.ReportMetric(100*(beside/alone-1), "growth-%")
	}
}
