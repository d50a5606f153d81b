package specialists

// Default are the specialists that work without a model.
func Default() []Specialist { return []Specialist{} }
