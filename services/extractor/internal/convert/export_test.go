package convert

// SpoilRecords has whoever reads a released record read nonsense.
func SpoilRecords() { spoil = true }
