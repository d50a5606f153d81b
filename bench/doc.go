// Package bench is the laboratory: studies of what the parts of refiner do, on data whose ground truth is known.
//
//   - [Consolidation] measures what recall costs, or gains, when conversations are consolidated.
//   - [Hallucination] asks whether refining an answer amplifies or attenuates what its model invented.
//
// It is a Go module of its own, above everything that it measures, so that no program that uses refiner links it. Package
// internal/eval has the data sets and the metrics, and the command eval measures recall and answers by them. LOG.md holds every
// result.
package bench
