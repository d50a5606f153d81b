// Package arc holds what surrounds a network that solves ARC-AGI tasks: reading tasks and solutions, the tokens of the
// Tiny Recursive Model, augmentation and its inverse, voting over augmented answers, submissions, scoring, and pictures.
//
// A [Grid] is up to 30 × 30 cells of ten colours. A [Task] shows pairs of input and output and asks for the output of
// test inputs. A network is asked in up to a thousand disguises, each an [Augmentation] of the task; [Augmentation.Undo]
// brings an answer back, a [Ballot] counts which answer came most often, and [Ballot.Submission] writes the two best of
// each test pair. [Submission.Score] compares them with the solutions.
//
// Tokens, augmentation, cropping, voting and scoring follow the evaluator of the official TRM code (evaluators/arc.py
// and dataset/build_arc_dataset.py), over one checkpoint only.
package arc
