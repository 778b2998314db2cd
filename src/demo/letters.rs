//! The mail of the demo: what people in a small harbour town write each other. Addresses are under the domains that
//! RFC 2606 keeps free for examples.

use super::seed::{Attachment, Letter};

const fn note(to: &'static [&'static str], subject: &'static str, text: &'static str) -> Letter {
    Letter { people: to, subject, text, attachment: Attachment::None }
}

const fn with(
    to: &'static [&'static str],
    subject: &'static str,
    text: &'static str,
    attachment: Attachment,
) -> Letter {
    Letter { people: to, subject, text, attachment }
}

const MARTA: &str = "Marta Nowak <marta@example.com>";
const HENRIK: &str = "Henrik Lund <henrik@example.net>";
const CHLOE: &str = "Chloé Garnier <chloe.garnier@example.com>";
const JOSE: &str = "José Ibáñez <jose@example.net>";
const LENA: &str = "Lena Schröder <lena@example.com>";
const PAOLO: &str = "Paolo Ricci <paolo@example.net>";
const ELENI: &str = "Ελένη Παππά <eleni@example.com>";
const OLGA: &str = "Ольга Миронова <olga@example.net>";
const TOM: &str = "Tom Barrow <tom@example.org>";
const LIBRARY: &str = "Town library <desk@example.com>";
const HARBOUR: &str = "Harbour office <harbour@example.net>";
const SCHOOL: &str = "Primary school <office@example.com>";

/// To go out through `home`, which takes everything.
pub(super) const HOME_OUT: [Letter; 30] = [
    note(&[MARTA], "Saturday: I bring the bread, you bring the cheese", "Ten o'clock at the lighthouse steps?"),
    note(&[HENRIK], "Your ladder is back in your shed", "Thank you for lending it. The gutter is clear again."),
    note(&[CHLOE], "Où en est la traduction du chapitre trois ?", "Prends ton temps, je relis le deuxième ce soir."),
    note(&[JOSE], "¿Vienes a cenar el viernes?", "Hay pescado, y Lena trae el postre."),
    with(&[HARBOUR], "Tide table for the coming year, checked", "Every line compared.", Attachment::Tides(365)),
    note(&[LENA], "Gartenschlüssel liegt unter dem blauen Topf", "Die Tomaten brauchen abends etwas Wasser."),
    note(&[PAOLO, LENA], "Prova del coro spostata a giovedì", "Alle otto, nella sala piccola. Porta gli spartiti."),
    note(&[ELENI], "Φωτογραφίες από το νησί", "Σου τις στέλνω την Κυριακή, είναι πολλές."),
    note(&[OLGA], "Рецепт яблочного пирога", "Четыре яблока, стакан сахара и немного корицы."),
    note(&[LIBRARY], "Renewal: “The Structure of Knots”, until the end of the month", "Card number on file."),
    with(&[TOM], "Chart of the inner harbour, scanned at full size", "Large, but sharp.", Attachment::Chart(1480)),
    note(&[MARTA, HENRIK, CHLOE], "Who can lend a tent for six, first week of June?", "Ours has a hole now."),
    note(&[HARBOUR], "Berth 14: the water tap drips", "It has since Tuesday. A new washer will do."),
    note(&[JOSE], "Re: Re: the bicycle", "Red one, small frame, forty. It is yours if you want it."),
    note(&[SCHOOL], "Reading hour on the 12th", "I'd love to. Twenty minutes, the story of the green whale."),
    note(&[HENRIK], "Søndagstur til fyret?", "Vi tager kaffe med. Afgang klokken ni fra torvet."),
    note(&[MARTA], "Zdjęcia z wycieczki są już w albumie", "Najlepsze jest to z mewą na kapeluszu."),
    note(
        &[CHLOE],
        "A rather long subject about the order in which the nine lanterns of the summer feast are to be lit this year, \
         and by whom, so that nobody stands in the dark again",
        "List below. Please pass it on.",
    ),
    with(&[PAOLO], "Tabella delle maree, solo aprile", "Come promesso.", Attachment::Tides(30)),
    note(&[LENA], "Fahrplan ab Montag: der letzte Bus fährt jetzt um 23:10", "Endlich."),
    note(&[TOM], "Minutes of Tuesday's meeting", "Three points, all agreed. The swing gets a new rope."),
    note(&[ELENI], "Your parcel arrived whole", "Not one olive was lost. Thank you!"),
    note(&[OLGA], "Book club: what about the one with the cartographer?", "Two hundred pages, large print."),
    note(&[LIBRARY], "A map for your local shelf, if you want it", "From 1911, with the old ferry line."),
    note(&[JOSE, PAOLO, MARTA, TOM], "Boat trip on Sunday: we are seven now", "So two boats. Bring a jumper."),
    with(&[SCHOOL], "Picture for the classroom wall", "The bay from above.", Attachment::Chart(420)),
    note(&[HENRIK], "Invoice 2041 paid", "The transfer went out this morning."),
    note(&[CHLOE], "Merci pour les graines !", "Les cosmos ont déjà levé, les pois de senteur pas encore."),
    note(&[HARBOUR], "Mooring line found at the pier", "Blue, twelve metres, hanging on the second bollard."),
    note(&[MARTA], "Until tomorrow", "Nothing new here. The kettle is mended."),
];

/// To go out through `club`, whose server puts everything off.
pub(super) const CLUB_OUT: [Letter; 6] = [
    note(&["All members <members@example.org>"], "Regatta: start moved to 11:00", "Wind is due at noon."),
    note(&[TOM], "Key to the boathouse", "Two copies made, one is for you."),
    note(&[JOSE, LENA], "Duty roster for May", "You have the first weekend. Swap among yourselves if need be."),
    with(&[HARBOUR], "Course marks, positions to the metre", "As surveyed.", Attachment::Tides(60)),
    note(&["Treasurer <money@example.com>"], "New sail: three offers", "The second is the one to take, I think."),
    note(&[PAOLO], "Il tuo giubbotto è rimasto al club", "È appeso dietro la porta."),
];

/// To go out through `office`, whose password nobody has typed yet.
pub(super) const OFFICE_OUT: [Letter; 4] = [
    note(&[LENA], "The password of this account is “sluice”", "Press Send, type it when asked, and this goes out."),
    note(&["Accounts <accounts@example.org>"], "Travel costs, second quarter", "Receipts are in the blue folder."),
    with(&[CHLOE], "Survey data, first look", "Please check the last column.", Attachment::Tides(120)),
    note(&[HENRIK, OLGA], "Wednesday's call is at 15:00 instead", "Same room, same number."),
];

/// To go out through `modem`, one of them to somebody who is not there.
pub(super) const MODEM_OUT: [Letter; 6] = [
    note(&[HARBOUR], "Position at noon", "All well on board. Wind south-west, four."),
    note(
        &[MARTA, "Unknown tenant <unknown.tenant@example.net>", TOM],
        "Postcard to three houses, one of which is empty",
        "The middle address was refused; the other two have theirs.",
    ),
    note(&[HENRIK], "Arriving Friday with the evening tide", "Keep a berth free, six metres will do."),
    note(&[ELENI], "Καλημέρα από τη θάλασσα", "Τρία δελφίνια σήμερα το πρωί."),
    note(&["Weather desk <weather@example.com>"], "Request: forecast for area 12", "Short form, text only."),
    note(&[CHLOE], "Ne m'attends pas avant samedi", "Le vent a tourné."),
];

/// Waiting for `home`.
pub(super) const HOME_IN: [Letter; 20] = [
    note(&[MARTA], "Re: Saturday: I bring the bread", "Ten is perfect. I have a Gouda that needs company."),
    note(&[HARBOUR], "Notice: dredging in the north basin until Thursday", "Please keep to the marked channel."),
    note(&[LIBRARY], "Your reservation is ready at the desk", "It is kept for seven days."),
    with(&[TOM], "Old photograph of the pier", "Found it in the attic!", Attachment::Chart(640)),
    note(&[CHLOE], "Chapitre trois : enfin fini", "Je te l'envoie demain, il me reste les notes."),
    note(&[LENA], "Danke fürs Gießen", "Die erste Tomate ist rot. Sie gehört dir."),
    note(&[JOSE], "Re: ¿Vienes a cenar el viernes?", "¡Claro! Llego a las nueve."),
    note(&[PAOLO], "Spartiti per il concerto", "Te li lascio in portineria."),
    note(&[OLGA], "Re: Рецепт яблочного пирога", "Спасибо! Получилось с первого раза."),
    note(&[ELENI], "The ferry runs again", "Twice a day, at eight and at six."),
    with(&[HARBOUR], "Tide table, spring edition", "Corrected for summer time.", Attachment::Tides(90)),
    note(&[SCHOOL], "Thank you from class 2b", "They now all want a green whale."),
    note(&[HENRIK], "Fyret: vi er fire", "Jeg tager kage med."),
    note(&[MARTA], "Mewa na kapeluszu", "Wydrukowałam ją, wisi w kuchni."),
    note(&["Railway <info@example.org>"], "Your seat on the night train: car 7, window", "Have a good trip."),
    note(&[TOM], "Swing rope ordered", "Hemp, eighteen millimetres, here on Monday."),
    note(&[CHLOE], "Graines, suite", "Garde-moi trois tournesols."),
    note(&["Bakery <orders@example.com>"], "Order 118 confirmed: two rye, one walnut", "Ready from seven."),
    note(&[JOSE], "The bicycle is perfect", "It even has a bell."),
    note(&[LENA], "Nächste Woche Regen", "Dann hat der Garten frei."),
];

/// Waiting for `club`.
pub(super) const CLUB_IN: [Letter; 5] = [
    note(&[TOM], "Who has the key to the boathouse?", "I am standing in front of it."),
    note(&[JOSE], "Swap for the first weekend in May?", "My sister comes to visit."),
    note(&["Treasurer <money@example.com>"], "Subscriptions: 38 of 41 paid", "I'll remind the three."),
    note(&[HARBOUR], "Regatta permit granted", "For both days, with the usual lanes kept free."),
    note(&[PAOLO], "Ho ritrovato il giubbotto", "Grazie! Era proprio lì."),
];

/// Waiting for `office`.
pub(super) const OFFICE_IN: [Letter; 4] = [
    note(&["Accounts <accounts@example.org>"], "Receipt 7 is not legible", "A photo will do."),
    note(&[CHLOE], "Last column checked", "Two typos, otherwise fine."),
    with(&[HENRIK], "Chart for the report", "Use it in black and white.", Attachment::Chart(300)),
    note(&[OLGA], "15:00 suits me", "Until Wednesday."),
];

/// Waiting for `modem`.
pub(super) const MODEM_IN: [Letter; 5] = [
    note(&["Weather desk <weather@example.com>"], "Area 12: SW 4 to 5, later 3, good", "Next forecast at 18:00."),
    note(&[HARBOUR], "Berth 9 is yours until Monday", "Call on channel 12 when you see the light."),
    note(&[HENRIK], "I'll stand on the pier and wave", "With the lantern, so that you see me."),
    note(&[MARTA], "Soup is on", "It keeps until you are in."),
    note(&[ELENI], "Τρία δελφίνια!", "Στείλε φωτογραφία μόλις έχεις γραμμή."),
];
