package encodebench

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

const rounds = 5

// result is what a contender took, in medians.
type result struct {
	name                  string
	perGB, seconds, times float64 // times the first contender's
	peak, size, sizes     float64
}

// race has every contender do the job once a round. All have to write the same rows.
func race(b *testing.B, j job, contenders []contender) []result {
	b.Helper()
	measured := make([][]outcome, len(contenders))
	for round := range rounds {
		for i, c := range contenders {
			j.Work, j.Out, j.Compare = c.name, filepath.Join(b.TempDir(), "out.parquet"), round == 0
			j.Profile = ""
			if folder := os.Getenv("EXPORTS_ENCODE_PROFILES"); folder != "" && c.name == ours {
				j.Profile = filepath.Join(folder, j.Table+"-"+j.Codec+".prof")
			}
			measured[i] = append(measured[i], runJob(b, j))
			if got, want := measured[i][0].Digest, measured[0][0].Digest; got != want {
				b.Fatalf("%s wrote other rows of %s than %s: %s, not %s", c.name, j.Table, contenders[0].name, got, want)
			}
		}
	}
	results := make([]result, len(contenders))
	for i, c := range contenders {
		results[i] = summed(c.name, float64(j.ArrowBytes)/1e9, measured[i], measured[0])
	}
	return results
}

// summed takes medians, of ratios too: a neighbour on the machine that slows a whole round does not change them.
func summed(name string, gigabytes float64, own, first []outcome) result {
	of := func(figure func(own, first outcome) float64) float64 {
		figures := make([]float64, len(own))
		for i := range own {
			figures[i] = figure(own[i], first[i])
		}
		return median(figures)
	}
	return result{
		name:    name,
		perGB:   of(func(own, _ outcome) float64 { return own.Seconds / gigabytes }),
		seconds: of(func(own, _ outcome) float64 { return own.Seconds }),
		times:   of(func(own, first outcome) float64 { return own.Seconds / first.Seconds }),
		peak:    of(func(own, _ outcome) float64 { return float64(own.PeakRSS) }),
		size:    of(func(own, _ outcome) float64 { return float64(own.OutBytes) }),
		sizes:   of(func(own, first outcome) float64 { return float64(own.OutBytes) / float64(first.OutBytes) }),
	}
}

func median[T cmp.Ordered](all []T) T {
	return slices.Sorted(slices.Values(all))[len(all)/2]
}
