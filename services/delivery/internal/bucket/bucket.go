// Package bucket owns the words in which delivery speaks of a customer's bucket: uploads that stay
// invisible until they are completed, objects, and control objects that are written once.
//
// It refuses overwriting (only Replace does, against an ETag) and anything outside one bucket. Two
// implementations, s3bucket and membucket, pass one acceptance suite, buckettest. Start at Bucket.
package bucket

import (
	"context"
	"errors"
	"time"
)

// Answers that a caller decides upon. Everything else is a fault: BUCKET_ROLE_DENIED (the role does
// not let us in), BUCKET_OWNER_MISMATCH (access denied), BUCKET_DENIED (our credential is refused, or
// has expired, which is of kind Unavailable),
// BUCKET_KEY_REFUSED (the encryption key cannot be used), BUCKET_UNAVAILABLE (of kind Unavailable
// when the same call may succeed later).
var (
	// ErrNotFound says that there is no such object.
	ErrNotFound = errors.New("object not found")
	// ErrExists says that a write-once object is there already.
	ErrExists = errors.New("object exists")
	// ErrStale says that the object is no longer the one whose ETag was given.
	ErrStale = errors.New("object changed")
	// ErrNoUpload says that there is no such upload: it was completed or aborted.
	ErrNoUpload = errors.New("upload not found")
)

// Piece sizes and counts that S3 allows.
const (
	// MinPieceBytes is the least size of every piece but the last.
	MinPieceBytes = 5 << 20
	// MaxPieces is the most pieces of one upload.
	MaxPieces = 10_000
	// MaxCopyBytes is the most that CopyPiece takes; S3 allows ten times that, but not within the deadline of one call.
	MaxCopyBytes = 512 << 20
)

// Destination is where an export lands.
type Destination struct {
	Bucket, Region string
	// Endpoint is the URL of an S3-compatible store; empty means AWS.
	Endpoint string
	// Owner is the 12-digit account that must own the bucket.
	Owner string
	// Role is the ARN of the role in the owner's account that is assumed, with the customer's external
	// id; empty means that delivery's own credentials are used.
	Role, ExternalID string
	// Customer is how the owner's access log names who assumed the role.
	Customer string
	// KMSKey is the ARN of the key that encrypts every object; empty leaves it to the bucket.
	KMSKey string
	// OwnerACL sends the ACL bucket-owner-full-control with every object.
	OwnerACL bool
}

// SamePlace says whether two destinations are one bucket, however it is entered.
func (d Destination) SamePlace(other Destination) bool {
	return d.Bucket == other.Bucket && d.Endpoint == other.Endpoint
}

// Bucket is one customer's bucket. It is safe for concurrent use.
type Bucket interface {
	Uploads
	Copies
	Completions
	Objects
	Controls
	Inspections
}

// Uploads is what writes files that are not yet visible.
type Uploads interface {
	// StartUpload opens an upload of one object and returns its id.
	StartUpload(ctx context.Context, key string) (uploadID string, err error)
	// UploadPiece stores one piece; repeating it replaces it. The data is not kept after the call.
	UploadPiece(ctx context.Context, u Upload, p Piece) (etag string, err error)
	// AbortUpload discards an upload; ErrNoUpload when there is none.
	AbortUpload(ctx context.Context, u Upload) error
}

// Copies is what fills an upload with an object of the same bucket; the bytes do not leave it.
type Copies interface {
	// CopyPiece stores length bytes of an object, from offset, as one piece; repeating it replaces it. The piece's checksum
	// is the bucket's word, and empty when it says none. ErrNotFound when there is no such object, ErrNoUpload when there is
	// no such upload.
	CopyPiece(ctx context.Context, u Upload, number int32, from Span) (Uploaded, error)
}

// Completions is what makes uploads visible, or finds those left behind.
type Completions interface {
	// CompleteUpload makes the object visible. ErrNoUpload when there is no such upload; after any
	// error the object may be visible nonetheless, and Head decides.
	CompleteUpload(ctx context.Context, u Upload, pieces []Uploaded, want Object) error
	// ListUploads returns the open uploads below a prefix.
	ListUploads(ctx context.Context, prefix string) ([]Open, error)
	// AbortUpload discards an upload; ErrNoUpload when there is none.
	AbortUpload(ctx context.Context, u Upload) error
}

// Objects is what looks at visible files, and removes those of a drop that failed.
type Objects interface {
	// Head returns size and checksum; ErrNotFound when there is no such object.
	Head(ctx context.Context, key string) (Object, error)
	// ReadRange fills room with the bytes from offset; ErrNotFound when there is no such object. After an error
	// room holds anything.
	ReadRange(ctx context.Context, key string, offset int64, room []byte) error
	// Delete removes an object; nil when there is none.
	Delete(ctx context.Context, key string) error
}

// Controls is what reads and writes the small objects that tell a drop's state.
type Controls interface {
	// Get returns a whole object of at most 64 MiB and its ETag; ErrNotFound when there is none.
	Get(ctx context.Context, key string) (data []byte, etag string, err error)
	// PutNew writes an object that must not exist; ErrExists when it does.
	PutNew(ctx context.Context, key string, data []byte) error
	// Replace overwrites the object that has this ETag; ErrStale when it has another one or is gone.
	Replace(ctx context.Context, key string, data []byte, etag string) error
}

// Inspections is what a look at a new destination asks beyond what a drop needs.
type Inspections interface {
	// List returns at most 1,000 keys below a prefix.
	List(ctx context.Context, prefix string) ([]string, error)
	// Encryption says how an object is encrypted; ErrNotFound when there is no such object.
	Encryption(ctx context.Context, key string) (Encryption, error)
}

// Encryption is what a bucket says of an object's encryption.
type Encryption struct {
	// Algorithm is aws:kms with a key of the customer's; empty when the bucket does not say.
	Algorithm string
	KMSKey    string
}

// Upload names one multipart upload.
type Upload struct{ Key, ID string }

// Open is an upload that was neither completed nor aborted, and when it was started, by the bucket's clock.
type Open struct {
	Upload
	StartTime time.Time
}

// Piece is one piece on its way.
type Piece struct {
	Number    int32 // from 1
	Data      []byte
	CRC64NVME string // base64 as S3 spells it
}

// Span is a range of an object's bytes.
type Span struct {
	Key            string
	Offset, Length int64
}

// Uploaded is one stored piece.
type Uploaded struct {
	Number          int32
	ETag, CRC64NVME string
}

// Object is what a bucket says of an object.
type Object struct {
	Bytes     int64
	CRC64NVME string // of the whole object, base64 as S3 spells it; empty when the bucket knows none
}
