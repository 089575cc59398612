//! Finds the paths that a Rust source names, without building it: `use` trees spelled out, and
//! paths of two or more segments anywhere else. Comments and literals are passed over.

/// A path as written, such as `["crate", "domain", "money"]`; the last segment of a glob is `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedPath {
    /// Line, from 1.
    pub(crate) line: usize,
    /// Segments.
    pub(crate) segments: Vec<String>,
    /// Names of the inline modules around it, outermost first.
    pub(crate) inside: Vec<String>,
}

/// Every path that `source` names.
pub(crate) fn named_paths(source: &str) -> Vec<NamedPath> {
    let mut reader = Reader { tokens: tokens(source), ..Reader::default() };
    reader.read();
    reader.found
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Separator,
    Mark(char),
}

fn tokens(source: &str) -> Vec<(usize, Token)> {
    let mut cursor = Cursor { text: source.chars().collect(), at: 0, line: 1 };
    let mut tokens = Vec::new();
    while let Some(next) = cursor.peek(0) {
        let line = cursor.line;
        if next.is_alphanumeric() || next == '_' {
            let word = cursor.word();
            let raw = matches!(word.as_str(), "r" | "br" | "cr");
            if !(raw && cursor.skip_raw_string()) {
                tokens.push((line, Token::Word(word)));
            }
        } else if next == '/' && cursor.peek(1) == Some('/') {
            cursor.skip_while(|mark| mark != '\n');
        } else if next == '/' && cursor.peek(1) == Some('*') {
            cursor.skip_block_comment();
        } else if next == '"' {
            cursor.skip_quoted('"');
        } else if next == '\'' {
            cursor.skip_character_or_tick();
        } else if next == ':' && cursor.peek(1) == Some(':') {
            cursor.skip(2);
            tokens.push((line, Token::Separator));
        } else {
            cursor.skip(1);
            if !next.is_whitespace() {
                tokens.push((line, Token::Mark(next)));
            }
        }
    }
    tokens
}

struct Cursor {
    text: Vec<char>,
    at: usize,
    line: usize,
}

impl Cursor {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.text.get(self.at + ahead).copied()
    }

    fn skip(&mut self, count: usize) {
        for _ in 0..count {
            if self.peek(0) == Some('\n') {
                self.line += 1;
            }
            self.at += 1;
        }
    }

    fn skip_while(&mut self, holds: impl Fn(char) -> bool) {
        while self.peek(0).is_some_and(&holds) {
            self.skip(1);
        }
    }

    fn word(&mut self) -> String {
        let start = self.at;
        self.skip_while(|mark| mark.is_alphanumeric() || mark == '_');
        self.text.get(start..self.at).unwrap_or_default().iter().collect()
    }

    fn skip_block_comment(&mut self) {
        let mut depth = 0_usize;
        while let Some(next) = self.peek(0) {
            match (next, self.peek(1)) {
                ('/', Some('*')) => depth += 1,
                ('*', Some('/')) => depth -= 1,
                _ => {
                    self.skip(1);
                    continue;
                }
            }
            self.skip(2);
            if depth == 0 {
                return;
            }
        }
    }

    fn skip_quoted(&mut self, quote: char) {
        self.skip(1);
        while let Some(next) = self.peek(0) {
            self.skip(if next == '\\' { 2 } else { 1 });
            if next == quote {
                return;
            }
        }
    }

    /// After `r`, `br` or `cr`: skips `#"..."#` with any number of hashes, or says that there is
    /// none. Of a raw identifier such as `r#type` it skips the hash.
    fn skip_raw_string(&mut self) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let hashes = rest.iter().take_while(|mark| **mark == '#').count();
        if self.peek(hashes) != Some('"') {
            self.skip(hashes);
            return hashes > 0;
        }
        self.skip(hashes + 1);
        while let Some(next) = self.peek(0) {
            self.skip(1);
            if next == '"' && (0..hashes).all(|ahead| self.peek(ahead) == Some('#')) {
                self.skip(hashes);
                break;
            }
        }
        true
    }

    fn skip_character_or_tick(&mut self) {
        if self.peek(1) == Some('\\') || self.peek(2) == Some('\'') {
            self.skip_quoted('\'');
        } else {
            self.skip(1);
        }
    }
}

#[derive(Default)]
struct Reader {
    tokens: Vec<(usize, Token)>,
    at: usize,
    depth: usize,
    /// Inline modules that are open, with the depth of their braces.
    modules: Vec<(String, usize)>,
    found: Vec<NamedPath>,
}

impl Reader {
    fn token(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.at + ahead).map(|(_, token)| token)
    }

    fn mark(&self, mark: char) -> bool {
        self.token(0) == Some(&Token::Mark(mark))
    }

    fn read(&mut self) {
        while let Some(token) = self.token(0).cloned() {
            match token {
                Token::Word(word) if word == "use" => {
                    self.at += 1;
                    self.tree(&[], 1);
                }
                Token::Word(word) if word == "crate" && self.after_extern() => {
                    self.at += 1;
                    self.tree(&[], 1);
                }
                Token::Word(word) if word == "mod" => self.module(),
                Token::Word(_) | Token::Separator => self.tree(&[], 2),
                Token::Mark(mark) => {
                    self.at += 1;
                    self.brace(mark);
                }
            }
        }
    }

    fn after_extern(&self) -> bool {
        let before = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        before.is_some_and(|(_, token)| *token == Token::Word("extern".to_owned()))
    }

    fn module(&mut self) {
        self.at += 1;
        let (Some(Token::Word(name)), Some(Token::Mark('{'))) = (self.token(0), self.token(1))
        else {
            return;
        };
        self.modules.push((name.clone(), self.depth + 1));
        self.at += 1;
    }

    fn brace(&mut self, mark: char) {
        if mark == '{' {
            self.depth += 1;
        } else if mark == '}' {
            self.modules.pop_if(|(_, depth)| *depth == self.depth);
            self.depth = self.depth.saturating_sub(1);
        }
    }

    /// Reads a path, or a tree of them, and notes those of at least `segments_min` segments.
    fn tree(&mut self, prefix: &[String], segments_min: usize) {
        let line = self.tokens.get(self.at).map_or(0, |(line, _)| *line);
        let mut segments = prefix.to_vec();
        if self.token(0) == Some(&Token::Separator) {
            self.at += 1;
        }
        loop {
            match self.token(0).cloned() {
                Some(Token::Word(word)) => segments.push(word),
                Some(Token::Mark('*')) => segments.push("*".to_owned()),
                Some(Token::Mark('{')) if segments_min == 1 || !segments.is_empty() => {
                    return self.branches(&segments);
                }
                _ => break,
            }
            self.at += 1;
            if self.token(0) != Some(&Token::Separator) {
                break;
            }
            self.at += 1;
        }
        if segments.len() >= segments_min {
            let inside = self.modules.iter().map(|(name, _)| name.clone()).collect();
            self.found.push(NamedPath { line, segments, inside });
        }
    }

    fn branches(&mut self, prefix: &[String]) {
        self.at += 1;
        while self.token(0).is_some() && !self.mark('}') {
            let before = self.at;
            self.tree(prefix, 1);
            // `as name`, and the comma.
            while self.token(0).is_some() && !self.mark(',') && !self.mark('}') {
                self.at += 1;
            }
            if self.mark(',') || self.at == before {
                self.at += 1;
            }
        }
        self.at += 1;
    }
}
