package convert

func init() { spoil = true }
