// Package maze holds what surrounds a network that finds shortest paths through mazes: tokens of the Tiny Recursive
// Model, the check that a path is one and is shortest, symmetries, data sets and pictures.
//
// A [Maze] is a square of walls and free cells with one start and one goal; an answer is the same maze with path cells
// from the start to the goal. [Parse] reads one from lines of text, [Maze.Shortest] solves it, and [Maze.CheckAnswer]
// says what is wrong with an answer.
package maze
