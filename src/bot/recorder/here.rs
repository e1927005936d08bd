//! What a thread has of the recorders it calls through: its lanes, its buffers, and how deep it is.
//!
//! Always true: nobody else touches it, so nothing here waits; what was used once is used again, so that
//! after the first calls nothing is allocated.

use std::cell::RefCell;
use std::thread;

use super::lane::Front;

/// A buffer that a large call made longer than this is let go.
const BUFFER_KEPT_MAX: usize = 64 << 10;
const BUFFER_LEN: usize = 1024;
/// Calls that began on another thread leave their buffers here.
const BUFFERS_MAX: usize = 16;

thread_local! {
    static HERE: RefCell<Here> = const {
        RefCell::new(Here {
            depth: 0,
            buffers: Vec::new(),
            fronts: Vec::new(),
        })
    };
}

struct Here {
    /// How many recorded calls the thread is inside of.
    depth: u32,
    buffers: Vec<Vec<u8>>,
    /// One for each recorder that was called through, by the recorder's number.
    fronts: Vec<(u64, Front)>,
}

/// A buffer, and how many recorded calls the thread is inside of.
#[inline]
pub(super) fn begin() -> (Vec<u8>, u32) {
    let begun = HERE.try_with(|here| {
        let mut here = here.borrow_mut();
        let buffer = here.buffers.pop();
        (buffer, here.depth)
    });
    let (buffer, depth) = begun.unwrap_or_default();
    (
        buffer.unwrap_or_else(|| Vec::with_capacity(BUFFER_LEN)),
        depth,
    )
}

/// Lets `hand_over` use the thread's lane of the recorder `id`, which `enter` makes when there is none, and
/// takes `buffer` back. `None` for the lane: there is no room for one, or the thread is ending.
#[inline]
pub(super) fn hand_over(
    id: u64,
    mut buffer: Vec<u8>,
    enter: impl FnOnce() -> Option<Front>,
    hand_over: impl FnOnce(Option<&mut Front>, &mut [u8]),
) {
    let mut hand_over = Some(hand_over);
    let handed = HERE.try_with(|here| {
        let mut here = here.borrow_mut();
        let here = &mut *here;
        if !here.fronts.iter().any(|(it, _)| *it == id) {
            // Those of recorders that are gone.
            here.fronts.retain(|(_, front)| !front.is_forsaken());
            here.fronts.extend(enter().map(|it| (id, it)));
        }
        let front = here.fronts.iter_mut().find(|(it, _)| *it == id);
        if let Some(hand_over) = hand_over.take() {
            hand_over(front.map(|(_, it)| it), &mut buffer);
        }
        if buffer.capacity() <= BUFFER_KEPT_MAX && here.buffers.len() < BUFFERS_MAX {
            here.buffers.push(std::mem::take(&mut buffer));
        }
    });
    if let (Err(_), Some(hand_over)) = (handed, hand_over) {
        hand_over(None, &mut buffer);
    }
}

/// As long as it lives, calls of this thread are made inside of one at `depth - 1`.
#[derive(Debug)]
pub(super) struct Inside {
    before: u32,
}

impl Inside {
    pub(super) fn of(depth: u32) -> Inside {
        Inside {
            before: set_depth(depth),
        }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        set_depth(self.before);
    }
}

fn set_depth(depth: u32) -> u32 {
    let before = HERE.try_with(|here| std::mem::replace(&mut here.borrow_mut().depth, depth));
    before.unwrap_or_default()
}

/// The thread as recordings name it.
pub(super) fn thread_name() -> Box<str> {
    let thread = thread::current();
    match thread.name().filter(|it| !it.trim().is_empty()) {
        Some(name) => name.into(),
        None => format!("{:?}", thread.id()).into(),
    }
}
