package membucket_test

import (
	"testing"

	"github.com/customer-exports/exports/services/delivery/internal/bucket"
	"github.com/customer-exports/exports/services/delivery/internal/bucket/buckettest"
	"github.com/customer-exports/exports/services/delivery/internal/bucket/membucket"
)

func TestAcceptance(t *testing.T) {
	store := membucket.New("111122223333")
	buckettest.Run(t, store.Open(bucket.Destination{Owner: "111122223333"}), store.Open(bucket.Destination{Owner: "999999999999"}),
		store.Open(bucket.Destination{Owner: "111122223333", KMSKey: buckettest.Key}))
}
