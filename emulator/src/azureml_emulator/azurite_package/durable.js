// Makes Azurite keep what it has acknowledged when it is killed. It is preloaded: node --require durable.js main.js …
//
// Azurite keeps blobs' metadata in memory (LokiJS) and writes all of it to a file every five seconds; a kill loses what
// came since. Here each change is also appended to a journal before the request is answered: a write that has returned
// is in the kernel's hands, whatever becomes of the process. Whenever the whole has been written, the journals from
// before are removed; those that are found at the start are first brought into the file.
"use strict";

const fs = require("fs");
const path = require("path");
const { createRequire } = require("module");

const Loki = createRequire(path.resolve(process.argv[1]))("lokijs");
const { Collection, LokiFsAdapter } = Loki;

const databases = new WeakMap(); // of a collection
const journals = new Map(); // database's file -> { number, descriptor } of the journal that is written now

/** The journals of a database's file, oldest first, each as [number, path]. */
function existing(file) {
  const prefix = `${path.basename(file)}.journal.`;
  return fs
    .readdirSync(path.dirname(file))
    .filter((name) => name.startsWith(prefix))
    .map((name) => [Number(name.slice(prefix.length)), path.join(path.dirname(file), name)])
    .sort(([left], [right]) => left - right);
}

/** Let the following changes go to a new journal; the answer is the paths of those before. */
function turn(file) {
  const before = existing(file);
  const open = journals.get(file);
  if (open) fs.closeSync(open.descriptor);
  const number = Math.max(0, ...before.map(([known]) => known)) + 1;
  journals.set(file, { number, descriptor: fs.openSync(`${file}.journal.${number}`, "a") });
  return before.map(([, journal]) => journal);
}

function note(collection, change) {
  const database = databases.get(collection);
  if (!database || !(database.persistenceAdapter instanceof LokiFsAdapter)) return;
  if (!journals.has(database.filename)) turn(database.filename);
  const line = JSON.stringify({ collection: collection.name, ...change });
  fs.writeSync(journals.get(database.filename).descriptor, `${line}\n`);
}

/** The changes in a journal; a kill may have cut the last line, which then was never acknowledged. */
function* changes(journal) {
  for (const line of fs.readFileSync(journal, "utf8").split("\n").slice(0, -1)) yield JSON.parse(line);
}

/** Bring the journals of a database into its file. Doing so twice, or in part twice, comes to the same. */
function recover(file) {
  const found = existing(file);
  if (!found.length || !fs.existsSync(file)) return;
  const database = new Loki(file, { adapter: new Loki.LokiMemoryAdapter() });
  database.loadJSON(fs.readFileSync(file, "utf8"));
  const documents = new Map();
  for (const [, journal] of found) {
    for (const { collection, put, remove } of changes(journal)) {
      if (!documents.has(collection)) {
        const known = database.getCollection(collection);
        if (known === null) throw new Error(`${journal} names the unknown collection ${collection}`);
        documents.set(collection, new Map(known.data.map((document) => [document.$loki, document])));
      }
      if (put) documents.get(collection).set(put.$loki, put);
      for (const identity of remove || []) documents.get(collection).delete(identity);
    }
  }
  for (const [name, byIdentity] of documents) {
    const collection = database.getCollection(name);
    collection.data = [...byIdentity.values()].sort((left, right) => left.$loki - right.$loki);
    collection.maxId = collection.data.reduce((most, { $loki }) => Math.max(most, $loki), collection.maxId || 0);
    collection.idIndex = null;
    collection.ensureId();
    collection.ensureAllIndexes(true);
  }
  fs.writeFileSync(`${file}~`, database.serialize());
  fs.renameSync(`${file}~`, file);
  for (const [, journal] of found) fs.unlinkSync(journal);
}

const { addCollection } = Loki.prototype;
Loki.prototype.addCollection = function (name, options) {
  const collection = addCollection.call(this, name, options);
  databases.set(collection, this);
  return collection;
};

const { insertOne, update, remove, removeBatchByPositions } = Collection.prototype;
Collection.prototype.insertOne = function (document, bulk) {
  const inserted = insertOne.call(this, document, bulk);
  if (inserted) note(this, { put: inserted });
  return inserted;
};
Collection.prototype.update = function (document) {
  const updated = update.call(this, document);
  if (!Array.isArray(document)) note(this, { put: updated }); // An array is updated one by one.
  return updated;
};
Collection.prototype.remove = function (document) {
  const one = typeof document === "number" ? this.get(document) : document;
  const identity = one && !Array.isArray(one) ? one.$loki : undefined; // It is taken off the document.
  const removed = remove.call(this, document);
  if (identity !== undefined && removed !== null) note(this, { remove: [identity] });
  return removed;
};
Collection.prototype.removeBatchByPositions = function (positions) {
  const identities = positions.map((position) => this.data[position].$loki);
  const removed = removeBatchByPositions.call(this, positions);
  if (identities.length && removed !== null) note(this, { remove: identities });
  return removed;
};

const { loadDatabase, saveDatabase } = LokiFsAdapter.prototype;
LokiFsAdapter.prototype.loadDatabase = function (file, done) {
  try {
    recover(file);
  } catch (error) {
    done(error);
    return;
  }
  loadDatabase.call(this, file, done);
};
LokiFsAdapter.prototype.saveDatabase = function (file, text, done) {
  // What is to be saved was put into words in this very turn of the event loop: no change can be between.
  const before = turn(file);
  saveDatabase.call(this, file, text, (error) => {
    if (!error) for (const journal of before) fs.unlinkSync(journal);
    done(error);
  });
};
