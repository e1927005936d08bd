//! The files of one kind of record: a CSV a day beside the stream, and its JSON once the day is over.
//!
//! Always true:
//! - A row comes after its line was acknowledged, in the order of the lines, by one write.
//! - A CSV is what the stream says of its day, or the day is known to be behind; then the stream makes it
//!   right again (`patch`), when a row comes (after 1, 2, 4, 8.. of them), at a flush and when the log is
//!   opened.
//! - What goes wrong with a file is kept for `troubles`, and never stops a record.
//! - Counts are those of the records whose append was acknowledged.
//!
//! Not here: the append.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufWriter, Write as _};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::mark::Mark;
use super::name::{StrategyName, plural};
use super::patch::Patch;
use super::row::{LogRecord, header, row, write_json};
use crate::books::Activity;
use crate::disk::{self, Access, Disk, File, FileWriter, append_row};
use crate::journal::{AppendError, Journal, ReadError, Reader, Receipt, Troubles};
use crate::time::{Day, Timestamp};

/// How many days' files are kept open: records of a day that is over can come late.
const OPEN_MAX: usize = 4;

/// Where the files are, and which are wanted.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) name: StrategyName,
    pub(super) folder: PathBuf,
    pub(super) csv: PathBuf,
    pub(super) json: PathBuf,
    pub(super) has_csv: bool,
    pub(super) has_json: bool,
}

/// What can go wrong with a file.
#[derive(Debug, thiserror::Error)]
#[error("{operation} {}", path.display())]
pub(super) struct FileError {
    operation: &'static str,
    path: PathBuf,
    source: io::Error,
}

pub(super) fn failed(
    operation: &'static str,
    path: &Path,
) -> impl FnOnce(io::Error) -> FileError + use<> {
    let path = path.to_owned();
    move |source| FileError {
        operation,
        path,
        source,
    }
}

/// The files of one stream.
#[derive(Debug)]
pub(super) struct Sheet<R> {
    journal: Journal,
    place: Arc<Place>,
    troubles: Arc<Mutex<Troubles>>,
    state: Mutex<State>,
    /// Held by whoever puts the files on the disk.
    settling: Mutex<()>,
    records: PhantomData<fn(R)>,
}

#[derive(Debug)]
struct State {
    /// The first line whose row is not in yet.
    next: u64,
    /// Rows of later lines, whose threads were faster.
    waiting: BTreeMap<u64, Waiting>,
    /// No line from `next` on was written before that day.
    written: Day,
    open: BTreeMap<Day, OpenDay>,
    /// Days whose CSV lacks rows, and how many came since.
    behind: BTreeMap<Day, u64>,
    /// The rows of lines below that are in already, where the stream made a day right.
    upto: BTreeMap<Day, u64>,
    /// Days whose CSV is not synced.
    dirty: BTreeSet<Day>,
    /// Days whose JSON is not written.
    due: BTreeSet<Day>,
    /// What the disk holds is not known: a sync failed.
    is_unsure: bool,
    mark: Option<Mark>,
    counted: Option<Counted>,
}

#[derive(Debug)]
struct Waiting {
    /// The day of the record, and that of its line.
    day: Day,
    written: Day,
    is_durable: bool,
    row: String,
}

#[derive(Debug)]
struct OpenDay {
    file: Box<dyn File>,
    identity: (u64, u64),
    len: u64,
}

#[derive(Debug)]
struct Counted {
    day: Day,
    /// Lines below that were counted from the stream.
    upto: u64,
    activity: Activity,
}

impl<R: LogRecord> Sheet<R> {
    /// The files beside a stream that has so many lines.
    pub(super) fn open(
        journal: &Journal,
        place: &Arc<Place>,
        troubles: &Arc<Mutex<Troubles>>,
        lines: u64,
    ) -> Sheet<R> {
        let today = journal.clock().now().day();
        let state = State {
            next: lines,
            waiting: BTreeMap::new(),
            written: today,
            open: BTreeMap::new(),
            behind: BTreeMap::new(),
            upto: BTreeMap::new(),
            dirty: BTreeSet::new(),
            due: BTreeSet::new(),
            is_unsure: false,
            mark: None,
            counted: None,
        };
        let sheet = Sheet {
            journal: journal.clone(),
            place: Arc::clone(place),
            troubles: Arc::clone(troubles),
            state: Mutex::new(state),
            settling: Mutex::new(()),
            records: PhantomData,
        };
        if place.has_csv || place.has_json {
            sheet.catch_up(today);
            // Opening the stream has synced it.
            sheet.settle(Some(today), || Ok(()));
        }
        sheet
    }

    /// Makes right what a run before this one may have left.
    fn catch_up(&self, today: Day) {
        let mark = match Mark::read(self.disk(), &self.mark_path()) {
            Ok(mark) => mark,
            Err(source) => {
                self.trouble(&failed("read", &self.mark_path())(source));
                None
            }
        };
        let (seq, from) = mark.as_ref().map_or((0, today), |it| (it.seq, it.day));
        // A mark of lines that are not there says nothing of those that are.
        let seq = if self.state().next < seq { 0 } else { seq };
        let mut days = BTreeSet::new();
        let reader = self.journal.read::<R>();
        let mut entries = reader.days(from..=Timestamp::MAX.day()).iter();
        while let Some(entry) = entries.next_entry() {
            match entry {
                Ok(entry) if entry.seq().is_none_or(|it| seq <= it) => {
                    days.insert(entry.record.timestamp().day());
                }
                Ok(_) => {}
                Err(error) => self.trouble(&error),
            }
        }
        let mut state = self.state();
        state.written = from;
        if self.place.has_json {
            state.due = mark.iter().flat_map(|it| it.due.clone()).collect();
            state.due.extend(&days);
        }
        state.mark = mark;
        if self.place.has_csv {
            days.insert(today);
            days.extend(self.doubtful(state.mark.as_ref(), from, today));
            for day in days {
                self.mend(&mut state, day);
            }
        }
    }

    /// The days whose CSV can have rows of lines that a power cut took.
    fn doubtful(&self, mark: Option<&Mark>, from: Day, today: Day) -> Vec<Day> {
        let folder = &self.place.csv;
        let listed = match self.disk().list(folder) {
            Ok(listed) => listed,
            Err(source) => {
                self.trouble(&failed("list", folder)(source));
                Vec::new()
            }
        };
        let name = &self.place.name;
        let days = listed
            .iter()
            .filter_map(|it| name.day_in(R::STREAM, &it.name, ".csv"));
        let is_doubtful = |day: &Day| {
            let is_usual = (from..=today).contains(day);
            is_usual || mark.is_some_and(|it| it.unsure.contains(day))
        };
        days.filter(is_doubtful).collect()
    }

    /// Says on the disk that the CSV of a day may get rows of lines that a power cut takes. Those of the days
    /// from the mark's to today are looked at in any case.
    fn announce(&self, state: &mut State, day: Day) {
        let today = self.journal.clock().now().day();
        let Some(mark) = &state.mark else { return };
        if (mark.day..=today).contains(&day) || mark.unsure.contains(&day) {
            return;
        }
        let mut mark = mark.clone();
        mark.unsure.push(day);
        self.write_mark(state, mark);
    }

    /// Takes a record that was appended.
    pub(super) fn take(&self, receipt: &Receipt, record: &R) {
        let day = record.timestamp().day();
        let row = match self.place.has_csv {
            true => row(record),
            false => String::new(),
        };
        let mut state = self.state();
        if let Some(counted) = &mut state.counted
            && counted.day == day
            && counted.upto <= receipt.seq
        {
            record.count(&mut counted.activity);
        }
        if self.place.has_json {
            state.due.insert(day);
        }
        let waiting = Waiting {
            day,
            written: receipt.day,
            is_durable: receipt.durable,
            row,
        };
        state.waiting.insert(receipt.seq, waiting);
        let state = &mut *state;
        while let Some(first) = state.waiting.first_entry() {
            let seq = *first.key();
            if state.next < seq {
                break;
            }
            let waiting = first.remove();
            if self.place.has_csv {
                if !waiting.is_durable {
                    self.announce(state, waiting.day);
                }
                self.put(state, seq, waiting.day, &waiting.row);
            }
            state.written = state.written.max(waiting.written);
            state.next = state.next.max(seq.saturating_add(1));
        }
        let next = state.next;
        state.upto.retain(|_, upto| next < *upto);
    }

    /// Whether a record of that day is in the stream is not known: the stream says what counts.
    pub(super) fn doubt(&self, day: Day) {
        let mut state = self.state();
        state.counted = None;
        if self.place.has_csv {
            self.announce(&mut state, day);
            state.fell_behind(day);
        }
    }

    fn put(&self, state: &mut State, seq: u64, day: Day, row: &str) {
        if state.upto.get(&day).is_some_and(|upto| seq < *upto) {
            return;
        }
        if let Some(missed) = state.behind.get_mut(&day) {
            *missed += 1;
            // Each try reads the day.
            if missed.is_power_of_two() {
                self.mend(state, day);
            }
            return;
        }
        match self.append(state, day, row) {
            Ok(true) => {
                state.dirty.insert(day);
            }
            Ok(false) => self.mend(state, day),
            Err(error) => {
                self.trouble(&error);
                state.fell_behind(day);
            }
        }
    }

    /// Appends a row to a file that is as it was left; `false` where it is not, or not open.
    fn append(&self, state: &mut State, day: Day, row: &str) -> Result<bool, FileError> {
        let Some(open) = state.open.get_mut(&day) else {
            return Ok(false);
        };
        let path = self.csv_path(day);
        let found = self.disk().look(&path).map_err(failed("look at", &path))?;
        if found.is_none_or(|it| (it.identity, it.len) != (open.identity, open.len)) {
            return Ok(false);
        }
        open.len =
            append_row(&*open.file, row.as_bytes(), open.len).map_err(failed("write", &path))?;
        Ok(true)
    }

    /// Makes the CSV of a day what the stream says.
    fn mend(&self, state: &mut State, day: Day) {
        match self.mended(state, day) {
            Ok(()) => {
                state.behind.remove(&day);
            }
            Err(error) => {
                self.trouble(&error);
                state.fell_behind(day);
            }
        }
    }

    fn mended(&self, state: &mut State, day: Day) -> Result<(), FileError> {
        let path = self.csv_path(day);
        state.open.remove(&day);
        let mut entries = self.of_day(day).iter();
        let mut entry = entries.next_entry();
        let is_there = self.disk().look(&path).map_err(failed("look at", &path))?;
        if entry.is_none() && is_there.is_none() {
            return Ok(());
        }
        state.dirty.insert(day);
        let file = self
            .disk()
            .open(&path, Access::AppendOrCreate)
            .map_err(failed("open", &path))?;
        let mut patch = Patch::new(&*file).map_err(failed("look at", &path))?;
        patch
            .row(header::<R>().as_bytes())
            .map_err(failed("write", &path))?;
        let mut upto = 0;
        while let Some(found) = entry {
            match found {
                Ok(found) => {
                    upto = found.seq().map_or(upto, |it| it.saturating_add(1));
                    patch
                        .row(row(found.record).as_bytes())
                        .map_err(failed("write", &path))?;
                }
                // One bad line ends nothing; a stream that cannot be read makes no file right.
                Err(error) if error.position().is_some() => self.trouble(&error),
                Err(error) => {
                    return Err(failed("make right", &path)(io::Error::other(error)));
                }
            }
            entry = entries.next_entry();
        }
        let len = patch.end().map_err(failed("write", &path))?;
        let identity = file.look().map_err(failed("look at", &path))?.identity;
        state.upto.insert(day, upto);
        let open = OpenDay {
            file,
            identity,
            len,
        };
        state.open.insert(day, open);
        while OPEN_MAX < state.open.len() {
            state.open.pop_first();
        }
        Ok(())
    }

    /// Puts what the files have on the disk, and writes the JSON of the days before `before`; of all of them
    /// without one.
    pub(super) fn settle(
        &self,
        before: Option<Day>,
        sync_stream: impl FnOnce() -> Result<(), AppendError>,
    ) {
        let _settling = lock(&self.settling);
        let (next, written, dirty, due, mut is_fine) = {
            let mut state = self.state();
            let behind: Vec<Day> = state.behind.keys().copied().collect();
            for day in behind {
                self.mend(&mut state, day);
            }
            let due: Vec<Day> = state.due.iter().copied().collect();
            let due: Vec<Day> = due
                .into_iter()
                .filter(|it| before.is_none_or(|before| *it < before))
                .collect();
            due.iter().for_each(|it| _ = state.due.remove(it));
            let dirty = std::mem::take(&mut state.dirty);
            let is_fine = state.behind.is_empty();
            (state.next, state.written, dirty, due, is_fine)
        };
        // Order matters: a mark is of lines that a power cut leaves.
        if let Err(error) = sync_stream() {
            self.trouble(&error);
            is_fine = false;
        }
        if let Err(error) = self.sync(&dirty) {
            self.trouble(&error);
            is_fine = false;
            let mut state = self.state();
            state.is_unsure = true;
            state.dirty.extend(dirty);
        }
        for day in due {
            if let Err(error) = self.write_day(day) {
                self.trouble(&error);
                is_fine = false;
                self.state().due.insert(day);
            }
        }
        if is_fine {
            self.set_mark(next, written);
        }
    }

    fn sync(&self, days: &BTreeSet<Day>) -> Result<(), FileError> {
        for day in days {
            let path = self.csv_path(*day);
            let file = match self.disk().open(&path, Access::Append) {
                // Somebody has removed it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                opened => opened.map_err(failed("open", &path))?,
            };
            file.sync().map_err(failed("sync", &path))?;
        }
        if days.is_empty() {
            return Ok(());
        }
        let folder = &self.place.csv;
        self.disk()
            .sync_folder(folder)
            .map_err(failed("sync", folder))
    }

    /// Writes the JSON of a day, as the stream has it.
    fn write_day(&self, day: Day) -> Result<(), FileError> {
        let name = self.place.name.of_day(R::STREAM, day);
        let path = self.place.json.join(format!("{name}.json"));
        self.write_list(&self.of_day(day), &path)
    }

    /// Writes the JSON list of what `reader` chose.
    pub(super) fn write_list(&self, reader: &Reader<R>, path: &Path) -> Result<(), FileError> {
        let written = disk::replace_with(self.disk(), path, |file| {
            let mut out = BufWriter::with_capacity(64 << 10, FileWriter(file));
            let mut unread = None;
            write_json(reader, &mut out, |error| match error.position() {
                Some(_) => self.trouble(&error),
                None => unread = Some(error),
            })?;
            out.flush()?;
            unread.map_or(Ok(()), |error| Err(io::Error::other(error)))
        });
        written.map_err(failed("write", path))
    }

    fn set_mark(&self, seq: u64, day: Day) {
        let mut state = self.state();
        if state.is_unsure {
            return;
        }
        let due = state.due.iter().copied().collect();
        // Rows that came since are not synced yet.
        let unsure = match &state.mark {
            Some(mark) => {
                let unsure = mark.unsure.iter().copied();
                unsure
                    .filter(|it| state.dirty.contains(it) || state.behind.contains_key(it))
                    .collect()
            }
            None => Vec::new(),
        };
        let mark = Mark {
            seq,
            day,
            due,
            unsure,
        };
        if state.mark.as_ref() == Some(&mark) {
            return;
        }
        self.write_mark(&mut state, mark);
    }

    fn write_mark(&self, state: &mut State, mark: Mark) {
        match mark.write(self.disk(), &self.mark_path()) {
            Ok(()) => state.mark = Some(mark),
            Err(source) => self.trouble(&failed("write", &self.mark_path())(source)),
        }
    }

    /// What the day's records add up to.
    pub(super) fn counted(&self, day: Day) -> Activity {
        let mut state = self.state();
        if let Some(counted) = state.counted.as_ref().filter(|it| it.day == day) {
            return counted.activity.clone();
        }
        let (mut activity, mut upto) = (Activity::default(), 0);
        let mut entries = self.of_day(day).iter();
        while let Some(entry) = entries.next_entry() {
            match entry {
                Ok(entry) => {
                    upto = entry.seq().map_or(upto, |it| it.saturating_add(1));
                    entry.record.count(&mut activity);
                }
                Err(error) if error.position().is_some() => self.trouble(&error),
                Err(error) => {
                    self.trouble(&error);
                    return activity;
                }
            }
        }
        state.counted = Some(Counted {
            day,
            upto,
            activity: activity.clone(),
        });
        activity
    }

    /// Adds the day's records of the stream.
    pub(super) fn add(&self, day: Day, activity: &mut Activity) -> Result<(), ReadError> {
        let mut entries = self.of_day(day).iter();
        while let Some(entry) = entries.next_entry() {
            match entry {
                Ok(entry) => entry.record.count(activity),
                Err(error) if error.position().is_some() => self.trouble(&error),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn of_day(&self, day: Day) -> Reader<R> {
        let reader = self.journal.read::<R>().from(day.start());
        match day.next() {
            // There is no day after the last one.
            next if next == day => reader,
            next => reader.to(next.start()),
        }
    }

    fn csv_path(&self, day: Day) -> PathBuf {
        let name = self.place.name.of_day(R::STREAM, day);
        self.place.csv.join(format!("{name}.csv"))
    }

    fn mark_path(&self) -> PathBuf {
        let Place { name, folder, .. } = &*self.place;
        folder.join(format!(".{name}_{}.mark", plural(R::STREAM)))
    }

    fn disk(&self) -> &dyn Disk {
        &**self.journal.disk()
    }

    fn trouble(&self, error: &dyn std::error::Error) {
        lock(&self.troubles).keep_error(error);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl State {
    fn fell_behind(&mut self, day: Day) {
        self.open.remove(&day);
        self.behind.entry(day).or_insert(0);
    }
}

/// What a thread that panicked left half done, the next flush or opening makes right.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
