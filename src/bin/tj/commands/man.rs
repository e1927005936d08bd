//! `tj man`: the manual pages, made from the arguments themselves.
//!
//! A page that is there is replaced: pages are made again with every version.

use std::{fs, io, path::Path};

use clap::{Command, CommandFactory};
use clap_mangen::Man as Page;

use crate::args::{Args, Man};
use crate::failure::{Failure, Verdict};
use crate::output::Out;

pub(crate) fn run(args: &Man, out: &mut Out) -> anyhow::Result<Verdict> {
    let mut command = Args::command();
    command.build();
    match &args.out {
        None => {
            let mut page = Vec::new();
            Page::new(command).render(&mut page)?;
            out.bytes(&page)?;
        }
        Some(folder) => {
            write_pages(&command, folder, out).map_err(|error| {
                Failure::new(format!("cannot write manual pages to {}", folder.display()))
                    .because(error)
            })?;
        }
    }
    Ok(Verdict::Fine)
}

fn write_pages(command: &Command, folder: &Path, out: &mut Out) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    for page in pages(command) {
        let path = folder.join(page.get_filename());
        let mut file = io::BufWriter::new(fs::File::create(&path)?);
        page.render(&mut file)?;
        io::Write::flush(&mut file)?;
        out.line(path.display())?;
    }
    Ok(())
}

/// The page of `command` and of all below it that are shown.
fn pages(command: &Command) -> Vec<Page> {
    let below = command.get_subcommands();
    let below = below.filter(|it| !it.is_hide_set() && it.get_name() != "help");
    let mut all = vec![Page::new(command.clone())];
    all.extend(below.flat_map(pages));
    all
}
