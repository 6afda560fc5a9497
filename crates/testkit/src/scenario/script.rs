//! The files: blocks of commands, a line of four dashes, what is expected; comments and includes between them.

use std::fmt::Write;

/// A scenario file, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// How messages name it.
    pub name: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// Comments and empty lines, kept for rewriting.
    Text(String),
    /// A file of commands that must all be accepted, in silence.
    Include {
        line: Line,
        name: String,
    },
    Block(Block),
}

/// Commands and what they must lead to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// As written, comments among them.
    written: Vec<String>,
    pub commands: Vec<Line>,
    pub expected: String,
}

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub file: String,
    pub number: usize,
    pub text: String,
}

impl Line {
    /// What is wrong, and where.
    pub fn fault(&self, what: impl std::fmt::Display) -> String {
        format!("{}:{}: {what}\n    {}", self.file, self.number, self.text)
    }
}

/// The line between commands and what they lead to.
const RULE: &str = "----";

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

impl Script {
    /// Takes a file apart. Fails on commands without `----`.
    pub fn parse(name: &str, text: &str) -> Result<Script, String> {
        let mut parts = Vec::new();
        let mut lines = text.lines().enumerate().peekable();
        while let Some((at, line)) = lines.next() {
            let line_at =
                |at: usize, text: &str| Line { file: name.to_owned(), number: at + 1, text: text.trim().to_owned() };
            if line.trim().is_empty() || is_comment(line) {
                parts.push(Part::Text(line.to_owned()));
                continue;
            }
            if let Some(included) = line.strip_prefix("include ") {
                parts.push(Part::Include { line: line_at(at, line), name: included.trim().to_owned() });
                continue;
            }
            let mut block =
                Block { written: vec![line.to_owned()], commands: vec![line_at(at, line)], expected: String::new() };
            loop {
                match lines.next() {
                    Some((_, RULE)) => break,
                    Some((at, line)) if !line.trim().is_empty() => {
                        block.written.push(line.to_owned());
                        if !is_comment(line) {
                            block.commands.push(line_at(at, line));
                        }
                    }
                    _ => return Err(line_at(at, line).fault("these commands have no `----` after them")),
                }
            }
            while let Some((_, line)) = lines.next_if(|(_, line)| !line.is_empty()) {
                block.expected.push_str(line);
                block.expected.push('\n');
            }
            parts.push(Part::Block(block));
        }
        Ok(Script { name: name.to_owned(), parts })
    }

    /// A file that is included: commands only.
    pub fn parse_setup(name: &str, text: &str) -> Vec<Line> {
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !is_comment(line));
        lines.map(|(at, line)| Line { file: name.to_owned(), number: at + 1, text: line.trim().to_owned() }).collect()
    }

    /// What there is to play, in order.
    pub fn steps(&self) -> impl Iterator<Item = Step<'_>> {
        self.parts.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Include { line, name } => Some(Step::Include(line, name)),
            Part::Block(block) => Some(Step::Block(block)),
        })
    }

    /// The file again, with other output for its blocks, one for each in order.
    pub fn rewritten(&self, outputs: &[String]) -> String {
        let mut outputs = outputs.iter();
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(line) => text.push_str(line),
                Part::Include { name, .. } => write!(text, "include {name}").expect("a string takes all"),
                Part::Block(block) => {
                    let output = outputs.next().expect("an output for each block");
                    write!(text, "{}\n{RULE}\n{}", block.written.join("\n"), output.trim_end())
                        .expect("a string takes all");
                }
            }
            text.push('\n');
        }
        text
    }
}

/// One thing to play.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    Include(&'a Line, &'a str),
    Block(&'a Block),
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Why.\ninclude standard\n\nfirst\n# aside\nsecond\n----\nout\nmore\n\nthird\n----\nok\n";

    #[test]
    fn a_file_is_taken_apart_and_put_together_again() {
        let script = Script::parse("a.txt", TEXT).unwrap();
        let blocks: Vec<_> = script.steps().collect();
        assert!(matches!(blocks[0], Step::Include(_, "standard")));
        let Step::Block(block) = blocks[1] else { panic!("a block") };
        assert_eq!(
            block.commands.iter().map(|line| (line.number, &*line.text)).collect::<Vec<_>>(),
            [(4, "first"), (6, "second")]
        );
        assert_eq!(block.expected, "out\nmore\n");
        assert_eq!(script.rewritten(&["out\nmore\n".into(), "ok\n".into()]), TEXT);
        assert!(script.rewritten(&["new\n".into(), "ok\n".into()]).contains("second\n----\nnew\n\nthird"));
    }

    #[test]
    fn commands_without_a_rule_are_a_mistake() {
        assert!(Script::parse("a.txt", "first\n\nsecond\n----\n").unwrap_err().starts_with("a.txt:1: these commands"));
    }
}
