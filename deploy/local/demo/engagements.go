package demo

import (
	"fmt"

	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

// Engagements are the demo's two customers. In the local warehouse location n
// belongs to brand n modulo 3; locations from 54 on belong to a brand that no
// customer has, and must never be seen in a bucket.
func Engagements() []Engagement {
	return []Engagement{
		{
			CustomerID: "bella-holdings", Name: "Bella Holdings", Brands: []string{"Bella Pizza"},
			Locations: Locations(0, 54, 0), Compression: configv1.Compression_COMPRESSION_ZSTD,
			Tables: []string{
				"DIM_DATES", "DIM_LOCATIONS", "DIM_EMPLOYEES", "FACT_REVIEWS", "FACT_REVIEW_VERSIONS", "FACT_EMPLOYEE_MENTIONS",
				"FACT_CUSTOMERS_SAVED", "FACT_INTERACTIONS", "FACT_MESSAGES", "FACT_TRANSACTIONS", "FACT_TRANSACTION_ITEMS",
				"FACT_LOCATION_DAILY_STATS",
			},
		},
		{
			CustomerID: "coastal-leisure", Name: "Coastal Leisure", Brands: []string{"Nova Fitness", "Harbor Hotels"},
			Locations: append(Locations(0, 30, 1), Locations(0, 30, 2)...), Compression: configv1.Compression_COMPRESSION_SNAPPY,
			ByRole: true,
			Tables: []string{"DIM_DATES", "DIM_LOCATIONS", "FACT_REVIEWS", "FACT_MESSAGES", "FACT_TRANSACTIONS", "FACT_TRANSACTION_ITEMS"},
		},
	}
}

// Locations names the locations in [from, until) that belong to brand.
func Locations(from, until, brand int) []string {
	var ids []string
	for n := from; n < until; n++ {
		if n%3 == brand {
			ids = append(ids, fmt.Sprintf("LOC-%04d", n))
		}
	}
	return ids
}
