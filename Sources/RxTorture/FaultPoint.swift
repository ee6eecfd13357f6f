import Glibc

/// A system call of one kind on one part of a store. Source: Specs/14-torture, "Points".
package struct FaultPoint: Hashable, Sendable, CustomStringConvertible {
    /// The kinds of calls, in the order of the library that is loaded in front of the C library.
    package enum Call: String, CaseIterable, Sendable {
        case open, read, write, sync, syncfs, rename, unlink, link, mkdir, truncate, lock
    }

    /// The parts of a store, in that order, too.
    package enum Place: String, CaseIterable, Sendable {
        case nowhere, catalog, log, blobs, folders, staging, uploads, trash, damaged, partial, cache, locks, rest
    }

    /// What is called.
    package let call: Call
    /// What it is called on: for a call that makes a name, where the name is.
    package let place: Place

    /// `call.place`, the point's name.
    package var description: String { "\(call).\(place)" }

    /// Finds a point by its name.
    package init?(_ name: String) {
        let words = name.split(separator: ".")
        guard words.count == 2, let call = Call(rawValue: String(words[0])), let place = Place(rawValue: String(words[1])) else {
            return nil
        }
        self.init(call, place)
    }

    init(_ call: Call, _ place: Place) {
        self.call = call
        self.place = place
    }

    /// Every point that a torture run is to pass: the steps of the commit path and of the collection, and what SQLite does for them.
    package static let named: [FaultPoint] = [
        FaultPoint(.open, .staging), FaultPoint(.write, .staging), FaultPoint(.sync, .staging), FaultPoint(.syncfs, .locks),
        FaultPoint(.rename, .blobs), FaultPoint(.sync, .folders), FaultPoint(.read, .blobs),
        FaultPoint(.open, .uploads), FaultPoint(.write, .uploads), FaultPoint(.sync, .uploads), FaultPoint(.syncfs, .uploads),
        FaultPoint(.unlink, .uploads), FaultPoint(.lock, .uploads),
        FaultPoint(.open, .log), FaultPoint(.read, .log), FaultPoint(.write, .log), FaultPoint(.sync, .log), FaultPoint(.unlink, .log),
        FaultPoint(.read, .catalog), FaultPoint(.write, .catalog), FaultPoint(.sync, .catalog),
        FaultPoint(.rename, .trash), FaultPoint(.unlink, .trash),
        FaultPoint(.mkdir, .staging), FaultPoint(.unlink, .staging), FaultPoint(.unlink, .locks), FaultPoint(.open, .locks),
        FaultPoint(.lock, .locks), FaultPoint(.write, .locks), FaultPoint(.sync, .locks), FaultPoint(.mkdir, .damaged),
        FaultPoint(.rename, .damaged),
    ]

    /// Where the counts of this point are in the table that the children fill.
    var index: Int { Call.allCases.firstIndex(of: call)! * Place.allCases.count + Place.allCases.firstIndex(of: place)! }

    /// How many points the table has.
    static var tableSize: Int { Call.allCases.count * Place.allCases.count }

    /// The error numbers that the call can end with on a disk that is full or broken.
    var errors: [Int32] {
        switch call {
        case .open, .write, .mkdir, .rename, .link: [ENOSPC, EIO]
        case .sync, .syncfs: [EIO, ENOSPC]
        case .read, .unlink, .truncate: [EIO]
        case .lock: []
        }
    }
}

/// What happens at a point of one process.
package struct Fault: Hashable, Sendable, CustomStringConvertible {
    /// The kinds of what can happen.
    package enum Effect: Hashable, Sendable {
        /// The process is ended by SIGKILL in front of the call, or behind it.
        case killBefore, killAfter
        /// Half of a write is done, then the process is ended.
        case tear
        /// Half of a write is done, and no more from then on: the disk is full.
        case cut
        /// The call fails with an error number, so many times; 0 is for ever.
        case fail(Int32, times: Int)
    }

    /// Where it happens.
    package let point: FaultPoint
    /// At which passage of the point, from 1.
    package let passage: Int
    /// What happens.
    package let effect: Effect

    /// The rule as the library reads it.
    var rule: String {
        switch effect {
        case .killBefore: "at=\(point.call):\(point.place):before:\(passage):1:kill"
        case .killAfter: "at=\(point.call):\(point.place):after:\(passage):1:kill"
        case .tear: "at=\(point.call):\(point.place):before:\(passage):1:tear"
        case .cut: "at=\(point.call):\(point.place):before:\(passage):0:cut"
        case .fail(let error, let times): "at=\(point.call):\(point.place):before:\(passage):\(times):\(error)"
        }
    }

    package var description: String {
        switch effect {
        case .killBefore: "killed in front of \(point) number \(passage)"
        case .killAfter: "killed behind \(point) number \(passage)"
        case .tear: "killed in the middle of \(point) number \(passage)"
        case .cut: "the disk full in the middle of \(point) number \(passage)"
        case .fail(let error, let times):
            "\(point) number \(passage)\(times == 0 ? " and all later" : "") fails: \(String(cString: strerror(error)))"
        }
    }

    /// Some fault at one of some points.
    static func any(_ chance: inout Chance, of points: [FaultPoint] = FaultPoint.named, passages: [Int]) -> Fault {
        let point = chance.one(of: points)
        var effects: [Effect] = [.killBefore, .killAfter, .killBefore, .killAfter]
        for error in point.errors { effects += [.fail(error, times: 1), .fail(error, times: error == ENOSPC ? 0 : 2)] }
        if point.call == .write { effects += [.tear, .cut] }
        return Fault(point: point, passage: chance.one(of: passages), effect: chance.one(of: effects))
    }
}

extension FaultPoint {
    /// The points that a collection is the first to pass.
    static let collecting = named.filter { $0.place == .trash || $0.place == .log || $0.place == .catalog }
    /// Those of what a collection deletes.
    static let deleting = named.filter { $0.place == .trash }
    /// Those of whoever finds a damaged blob.
    static let settingAside = named.filter { $0.place == .damaged }
    /// Those of uploads that a registry is sent.
    static let uploading = named.filter {
        $0.place == .uploads || $0.place == .blobs || $0.place == .folders || $0 == FaultPoint(.sync, .log)
    }
}
