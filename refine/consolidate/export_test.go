package consolidate

// Grounded is what apply checks of every record before it writes it.
var Grounded = grounded
