// Package sudoku holds everything about Sudoku that a network cannot know: the rules, a solver that proves a solution
// unique, the symmetries of the board, a generator of rated puzzles, the tokens of the Tiny Recursive
// Model, and pictures of a grid while it settles.
//
// A [Grid] is 81 cells, row by row, 0 for a blank. [Parse] reads one from text, [Grid.Solve] solves it, and [Grid.Answers]
// says whether an answer obeys the rules and keeps what is given:
//
//	puzzle, err := sudoku.Parse("..............3.85..1.2.......5.7.....4...1...9.......5......73..2.1........4...9")
//	answer, err := puzzle.Solve()
//
// [Transform] is one of the 2·6⁸·9! symmetries of the rules. [Generator] makes new puzzles, the same ones for the same seed.
package sudoku
