package membucket

import (
	"context"
	"slices"
	"strings"

	"github.com/customer-exports/exports/services/delivery/internal/bucket"
)

// Head returns size and checksum.
func (v *view) Head(ctx context.Context, key string) (bucket.Object, error) {
	data, _, err := v.Get(ctx, key)
	if err != nil {
		return bucket.Object{}, err
	}
	return bucket.Object{Bytes: int64(len(data)), CRC64NVME: bucket.Checksum(data)}, nil
}

// ReadRange fills room with the bytes from offset.
func (v *view) ReadRange(ctx context.Context, key string, offset int64, room []byte) error {
	data, _, err := v.Get(ctx, key)
	if err != nil {
		return err
	}
	if offset < 0 || offset+int64(len(room)) > int64(len(data)) {
		return refused("range %d+%d of %d bytes", offset, len(room), len(data))
	}
	copy(room, data[offset:])
	return nil
}

// Delete removes an object.
func (v *view) Delete(ctx context.Context, key string) error {
	if err := v.enter(ctx); err != nil {
		return err
	}
	defer v.mu.Unlock()
	delete(v.objects, key)
	return nil
}

// Get returns a whole object and its ETag.
func (v *view) Get(ctx context.Context, key string) ([]byte, string, error) {
	if err := v.enter(ctx); err != nil {
		return nil, "", err
	}
	defer v.mu.Unlock()
	o, ok := v.objects[key]
	if !ok {
		return nil, "", bucket.ErrNotFound
	}
	return slices.Clone(o.data), o.etag, nil
}

// PutNew writes an object that must not exist.
func (v *view) PutNew(ctx context.Context, key string, data []byte) error {
	return v.put(ctx, key, data, func(have object, exists bool) error {
		if exists {
			return bucket.ErrExists
		}
		return nil
	})
}

// Replace overwrites the object that has this ETag.
func (v *view) Replace(ctx context.Context, key string, data []byte, etag string) error {
	return v.put(ctx, key, data, func(have object, exists bool) error {
		if !exists || have.etag != etag {
			return bucket.ErrStale
		}
		return nil
	})
}

func (v *view) put(ctx context.Context, key string, data []byte, allow func(object, bool) error) error {
	if err := v.enter(ctx); err != nil {
		return err
	}
	defer v.mu.Unlock()
	have, exists := v.objects[key]
	if err := allow(have, exists); err != nil {
		return err
	}
	v.objects[key] = object{data: slices.Clone(data), etag: v.next("etag"), key: v.key}
	return nil
}

// List returns the keys below a prefix.
func (v *view) List(ctx context.Context, prefix string) ([]string, error) {
	if err := v.enter(ctx); err != nil {
		return nil, err
	}
	defer v.mu.Unlock()
	var keys []string
	for key := range v.objects {
		if strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// Encryption says what S3 would: without a key of the customer's it encrypts with its own.
func (v *view) Encryption(ctx context.Context, key string) (bucket.Encryption, error) {
	if err := v.enter(ctx); err != nil {
		return bucket.Encryption{}, err
	}
	defer v.mu.Unlock()
	o, ok := v.objects[key]
	switch {
	case !ok:
		return bucket.Encryption{}, bucket.ErrNotFound
	case o.key == "":
		return bucket.Encryption{Algorithm: "AES256"}, nil
	default:
		return bucket.Encryption{Algorithm: "aws:kms", KMSKey: o.key}, nil
	}
}
