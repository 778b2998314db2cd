# The words of the window, in French. Typographie : espace fine insécable devant « ? ! ; », insécable devant « : ».

window-title = Mailsluice · { $profile }
language-name = Français

## Numbers, sizes, times
size-b = { $n } o
size-kb = { $n } ko
size-mb = { $n } Mo
size-gb = { $n } Go
rate = { $size }/s
age-now = à l’instant
age-min = { $n } min
age-hour = { $n } h
age-day = { $n ->
    [one] { $n } jour
   *[other] { $n } jours
}
span-s = { $n } s
ago-now = à l’instant
ago = il y a { $age }
in-now = maintenant
in-time = dans { $age }
list-dot = { $a } · { $b }

## Actions: the word, and what it does
act-flush-all = Envoyer/recevoir
    .tip = Envoyer et recevoir avec tous les transports
act-flush-selected = Envoyer/recevoir la sélection
    .tip = Envoyer et recevoir avec les transports sélectionnés
act-send-all = Envoyer
    .tip = Vider toutes les files d’envoi
act-send-selected = Envoyer la sélection
    .tip = Vider la file d’envoi des transports sélectionnés
act-receive-all = Recevoir
    .tip = Relever ce qui attend pour tous les transports
act-receive-selected = Recevoir la sélection
    .tip = Relever ce qui attend pour les transports sélectionnés
act-cancel-selected = Arrêter la sélection
    .tip = Arrêter maintenant les transports sélectionnés ; rien n’est perdu
act-cancel-all = Arrêter
    .tip = Tout arrêter maintenant ; rien n’est perdu
act-no-ui = Sans dialogue
    .tip = Ne rien demander et ne rien ouvrir pendant l’envoi et la réception
act-offline = Hors ligne
    .tip = Ne rien envoyer ni recevoir tant que ceci est activé
act-find = Rechercher
    .tip = Rechercher dans la file : des mots, ou state:deferred to:example.net size>1M
act-find-hint = Rechercher dans la file
act-add = Ajouter…
    .tip = Mettre des fichiers de message dans la file
act-save = Enregistrer…
    .tip = Enregistrer le message sélectionné dans un fichier
act-hold = Retenir
    .tip = Empêcher les messages sélectionnés de partir
act-release = Libérer
    .tip = Laisser repartir les messages sélectionnés
act-retry = Réessayer
    .tip = Réessayer les messages sélectionnés au prochain passage
act-reroute = Changer de transport…
    .tip = Confier les messages sélectionnés à un autre transport
act-delete = Supprimer
    .tip = Supprimer définitivement les messages sélectionnés, après confirmation
act-treat-as-sent = Tenir pour envoyé
    .tip = Les messages sélectionnés sont bien arrivés
act-focus-status = Tableau d’état
    .tip = Aller au tableau d’état
act-focus-queue = File d’envoi
    .tip = Aller à la file d’envoi
act-next-pane = Volet suivant
    .tip = Aller à la partie suivante de la fenêtre
act-row-settings = Propriétés
    .tip = Montrer tout ce que l’on sait de la ligne sélectionnée
act-settings = Réglages…
    .tip = Langue, couleurs, taille du texte
act-help = Aide
    .tip = Tous les raccourcis
act-quit = Quitter
    .tip = Terminer Mailsluice ; demande d’abord s’il reste du courrier à envoyer
act-certificate = Examiner le certificat
    .tip = Montrer ce que le serveur présente, et s’y fier ou non
act-password = Saisir le mot de passe
    .tip = Saisir le mot de passe que ce transport attend
act-sign-in = Se connecter
    .tip = Se connecter chez le fournisseur dont ce transport attend un jeton
act-prompt = Lancer avec dialogue
    .tip = Envoyer et recevoir avec ce transport, et le laisser poser ses questions
act-settle = Tout régler à la suite
    .tip = Poser une question après l’autre, puis envoyer et recevoir avec les réponses
act-select-all = Tout sélectionner
    .tip = Sélectionner tous les messages de la liste
row-send = Envoyer
row-receive = Recevoir
row-cancel = Arrêter
row-send-of = Envoyer avec { $name }
row-receive-of = Recevoir avec { $name }
row-cancel-of = Arrêter { $name }

## Why not
why-starting = Le profil est en cours d’ouverture
why-no-profile = Il n’y a pas encore de profil
why-offline = Travail hors ligne
why-select-row = Sélectionnez d’abord un transport
why-select-message = Sélectionnez d’abord un message
why-select-one = Sélectionnez un seul message
why-running = Déjà en cours
why-not-running = Rien n’est en cours
why-row-not-running = Il n’est pas en cours
why-no-outgoing = Il n’envoie pas
why-no-incoming = Il ne reçoit pas
why-nothing-to-settle = Rien n’attend votre réponse
why-no-question = Il ne demande rien
why-other-transports = Aucun autre transport n’envoie
why-no-list = La file n’est pas affichée

## The status table
col-resource = Transport
col-status = État
col-to-send = À envoyer
col-deferred = Différés
col-held = Retenus
col-failed = Échecs
col-waiting = En attente
tip-to-send = Messages qui partent au prochain passage
tip-deferred = Remis à plus tard, réessayés tout seuls
tip-held = Retenus par vous
tip-failed = Refusés définitivement, ou incertains
tip-waiting = Sur le serveur, pas encore relevés
tip-bytes = { $size } en tout
tip-in-doubt = { $n ->
    [one] { $n } incertain : il est peut-être arrivé
   *[other] { $n } incertains : ils sont peut-être arrivés
}
tip-as-of = Vu le { $time }
all-transports = Tous les transports
ignores-no-ui = Ouvre des fenêtres
ignores-no-ui-tip = Ce transport lance un programme externe qui peut ouvrir des fenêtres, même sans dialogue
left-out-no-ui = Exclu sans dialogue
left-out-no-ui-tip = Ce transport lance un programme externe qui peut ouvrir des fenêtres : le profil l’exclut du mode sans dialogue et du calendrier

## What a row says
st-idle = Au repos
st-nothing = Rien à envoyer
st-ready = { $n ->
    [one] { $n } prêt à partir
   *[other] { $n } prêts à partir
}
st-offline = Hors ligne
st-offline-detail = Rien n’est envoyé ni reçu avant le retour en ligne
st-working = { $n ->
    [one] { $n } transport au travail
   *[other] { $n } transports au travail
}
st-need-you = { $n ->
    [one] { $n } a besoin de vous
   *[other] { $n } ont besoin de vous
}
st-sending = Envoi
st-receiving = Réception
st-sending-of = Envoi de { $done } sur { $total }
st-receiving-of = Réception de { $done } sur { $total }
st-time-left = encore { $span }
st-stopping = Arrêt en cours
st-needs-password = Attend un mot de passe
st-needs-password-detail = Rien n’est envoyé ni reçu avant sa saisie
st-needs-certificate = Personne ne se porte garant de son certificat
st-needs-certificate-detail = Rien ne part ni n’arrive tant que vous ne l’acceptez pas
st-needs-consent = Attend que vous vous connectiez
st-needs-consent-detail = Rien ne part ni n’arrive tant que vous n’êtes pas connecté chez le fournisseur
st-last-run = Dernier passage { $ago }
st-next-run = Prochain passage { $when }
st-next-try = Nouvel essai { $when }
st-never-run = Pas encore lancé
st-deferred = { $n ->
    [one] { $n } différé, réessayé tout seul
   *[other] { $n } différés, réessayés tout seuls
}
st-in-doubt = { $n ->
    [one] { $n } incertain
   *[other] { $n } incertains
}
st-failed = { $n ->
    [one] { $n } refusé
   *[other] { $n } refusés
}

## How far a run is
stage-queue = Attend son tour
stage-bring = Établissement de la ligne
stage-resolve = Recherche de l’hôte
stage-connect = Connexion
stage-tls = Négociation TLS
stage-greeting = Attend l’accueil
stage-login = Identification
stage-envelope = Expéditeur et destinataires
stage-content = Envoi du contenu
stage-reply = Attend la réponse du serveur
stage-list = Inventaire
stage-fetch = Relève
stage-deliver = Écriture sur disque
stage-delete = Rangement sur le serveur
stage-quit = Fermeture
stage-store = Lecture et écriture de la file
stage-program = Programme externe en cours

## What went wrong, and the one thing to do
fail-transient = { $at } remet à plus tard
fail-permanent = { $at } a refusé
fail-login = { $at } a refusé l’identification
fail-trust = { $at } n’est pas digne de confiance
fail-configuration = Les réglages de { $at } ne conviennent pas
fail-offline = { $at } est injoignable
fail-cancelled = Arrêté
fail-needs-person = { $at } attend une réponse
fail-in-doubt = La ligne vers { $at } a cédé avant la réponse
fail-protocol = { $at } a répondu à contretemps
fail-local = Ennui sur cette machine : { $at }
fail-said = { $what } ({ $reply })
fix-transient = Réessayé tout seul
fix-permanent = Corrigez le message ou l’adresse, puis renvoyez
fix-login = Saisissez de nouveau le mot de passe
fix-trust = Vérifiez le certificat ou le réglage de sécurité
fix-configuration = Corrigez les réglages du transport
fix-offline = Vérifiez le réseau, puis renvoyez
fix-needs-person = Lancez avec dialogue, ou désactivez « Sans dialogue »
fix-in-doubt = Vérifiez s’il est arrivé, puis choisissez
fix-protocol = Consultez le journal
fix-local = Libérez ou réparez le disque, puis réessayez

## Tabs
tab-queue = File
tab-progress = Progression
tab-problems = Problèmes
tab-log = Journal
tab-properties = Propriétés

## Queue
q-state = État
q-subject = Objet
q-from = De
q-to = À
q-size = Taille
q-queued = Déposé
q-next = Prochain essai
q-result = Dernière réponse
q-no-subject = (sans objet)
q-nobody = (sans expéditeur)
q-more-recipients = { $first } et { $n } autres
q-selected = { $n ->
    [one] { $n } sélectionné
   *[other] { $n } sélectionnés
}
q-total = { $n ->
    [one] { $n } message
   *[other] { $n } messages
}
q-loading = Lecture…
q-not-before = Pas avant le { $time }
q-row = { $state } : { $subject }, de { $from } à { $to }, { $size }, déposé depuis { $age }
q-sort = Trier par { $column }
state-in_flight = En route
state-in_doubt = Incertain
state-queued = En file
state-deferred = Différé
state-held = Retenu
state-failed = Refusé
state-sent = Envoyé
q-empty = Rien dans la file
q-empty-do = Ajoutez des fichiers de message, déposez-les sur la fenêtre, ou laissez un programme envoyer avec « mailsluice submit ».
q-none-found = Rien ne correspond
q-none-found-do = Changez les mots de la recherche, ou videz-la avec Échap.
q-no-outgoing = { $name } n’a pas de file d’envoi
q-no-outgoing-do = Il ne fait que recevoir. « Recevoir » relève ce qui attend.
q-choose-transport = Confier { $n ->
    [one] { $n } message
   *[other] { $n } messages
} à

## Progress
p-empty = Rien n’est en cours
p-empty-do = { $key } envoie et reçoit avec tous les transports.
p-elapsed = Durée
p-count = { $done } sur { $total }
p-messages = Messages
p-data = Données
p-rate = Débit
p-left = Temps restant
p-unknown = –
p-running-a11y = { $name } : { $what }

## Problems
pr-empty = Aucun problème
pr-empty-do = Ce qui a besoin de vous apparaît ici, avec la seule chose à faire.
pr-waiting = { $n ->
    [one] { $n } transport attend votre réponse
   *[other] { $n } transports attendent votre réponse
}
pr-refused = { $n ->
    [one] { $n } message a été refusé définitivement
   *[other] { $n } messages ont été refusés définitivement
}
pr-refused-do = Un rapport dit pourquoi. Corrigez l’adresse et réessayez, ou supprimez.
pr-in-doubt = { $n ->
    [one] { $n } message est peut-être arrivé
   *[other] { $n } messages sont peut-être arrivés
}
pr-in-doubt-do = La ligne a cédé entre le dernier octet et la réponse. Vérifiez, puis choisissez.
pr-show = Montrer
pr-send-again = Renvoyer
pr-treat-as-sent = Tenir pour envoyé
pr-try-again = Réessayer

## Log
log-empty = Rien ne s’est encore passé
log-empty-do = Ce que les transports font et disent est écrit ici.
log-none = Rien de ce genre
log-none-do = Activez d’autres genres ci-dessus.
log-info = Informations
log-warning = Avertissements
log-error = Erreurs
log-spooler = Spouleur
sev-info = Information
sev-warning = Avertissement
sev-error = Erreur

## Properties
prop-row = Ligne
prop-name = Propriété
prop-tag = Étiquette
prop-type = Type
prop-value = Valeur
prop-empty = (texte vide)
prop-row-a11y = { $name } vaut { $value }

## Footer
foot-to-send = { $n } à envoyer
foot-to-send-size = { $n } à envoyer ({ $size })
foot-nothing = Rien à envoyer
foot-waiting = { $n } à recevoir
foot-need-you = { $n ->
    [one] { $n } a besoin de vous
   *[other] { $n } ont besoin de vous
}
foot-next-run = prochain passage { $when }
foot-online = en ligne
foot-offline = hors ligne
foot-no-ui = sans dialogue
foot-starting = Ouverture du profil
foot-no-profile = Pas encore de profil

## La zone de notification
tray-flush-all = Tout envoyer et recevoir
tray-send-all = Tout envoyer
tray-receive-all = Tout recevoir
tray-by-transport = Par transport
tray-cancel-all = Tout arrêter
tray-offline = Travailler hors ligne
tray-pause = Pause d’une heure
tray-paused = en pause jusqu’à { $time }
tray-next-run = prochain passage à { $time }
tray-at-work = { $name } : { $what }
tray-waiting = Vous attendent ({ $n })
tray-open = Ouvrir Mailsluice
tray-quit = Quitter
tray-quit-leaving = Quitter : du courrier part encore
tray-quit-running = Quitter : du courrier arrive encore
tray-quit-waiting = Quitter : { $n } encore à envoyer
tray-quit-leave = Maintenant ; le reste attend le prochain démarrage
tray-quit-finish = Quand ce sera fait
tray-quit-now = Maintenant ; rien n’est perdu

## Les notifications
notice-received = { $n ->
    [one] 1 message reçu
   *[other] { $n } messages reçus
}
notice-sent = { $n ->
    [one] 1 message envoyé
   *[other] { $n } messages envoyés
}
notice-needs-you = Un transport vous attend
notice-news = Du courrier est arrivé ou parti
notice-open = Ouvrir

## What came of it
did-hold = { $n ->
    [one] { $n } message retenu
   *[other] { $n } messages retenus
}
did-release = { $n ->
    [one] { $n } message libéré
   *[other] { $n } messages libérés
}
did-retry = { $n ->
    [one] { $n } message part au prochain passage
   *[other] { $n } messages partent au prochain passage
}
did-reroute = { $n ->
    [one] { $n } message a changé de transport
   *[other] { $n } messages ont changé de transport
}
did-delete = { $n ->
    [one] { $n } message supprimé
   *[other] { $n } messages supprimés
}
did-treat-as-sent = { $n ->
    [one] { $n } message tenu pour envoyé
   *[other] { $n } messages tenus pour envoyés
}
did-nothing = Aucun des messages sélectionnés n’a pu changer : ils sont en route, ou dans un autre état.
did-add = { $n ->
    [one] { $n } message ajouté à la file
   *[other] { $n } messages ajoutés à la file
}
did-add-refused = { $file } n’a pas été ajouté : { $why }
did-save = Enregistré sous { $path }
did-pin = L’empreinte du certificat de { $host } est dans le profil.
refused-busy = C’est déjà en cours.
refused-cancel = Arrêté.
refused-other = Cela n’a pas marché : { $why } ({ $result })
close = Fermer

## Dialogs
dlg-cancel = Annuler
dlg-certificate = Se fier au serveur de { $name } ?
dlg-certificate-unknown = Personne de confiance ne se porte garant de { $host }
dlg-certificate-changed = { $host } présente un autre certificat que celui du profil
dlg-certificate-names = Il se dit établi pour { $value }
dlg-certificate-issuer = Il se dit signé par { $value }
dlg-certificate-valid = Valable { $value }
dlg-certificate-print = Empreinte SHA-256 ; à comparer avec celle que donne son administrateur
dlg-certificate-expected = Le profil attend
dlg-certificate-for-good = Accepter pour de bon
dlg-certificate-kept = Il est accepté jusqu’à la fin de Mailsluice.
dlg-certificate-pinned = Son empreinte entre dans le profil, à la place de toute autre. Quand le serveur change de certificat, la question revient.
dlg-certificate-do = Accepter
notice-certificate = Personne ne se porte garant du certificat de { $host }
dlg-consent = Se connecter pour { $name }
dlg-consent-for = { $host } demande que { $user } se connecte chez { $provider }, dans le navigateur.
dlg-consent-why = Pourquoi maintenant : { $why }
dlg-consent-code = Saisissez-y ce code
dlg-consent-copy = Copier l’adresse
dlg-consent-open = Ouvrir le navigateur
dlg-consent-waits = En attente du navigateur. Ceci se ferme tout seul dès que vous y avez fini.
dlg-consent-kept = Ce que vous autorisez va dans le trousseau, s’il y en a un. Votre mot de passe reste chez le fournisseur.
dlg-password = Mot de passe pour { $name }
dlg-password-for = { $user } sur { $host }
dlg-password-refused = Le dernier a été refusé : { $reply }
dlg-password-field = Mot de passe
dlg-password-show = Montrer
dlg-password-kept = Gardé en mémoire jusqu’à la fin de Mailsluice. Le profil dit où le garder plus longtemps.
dlg-sign-in = S’identifier
dlg-add = Ajouter des messages
dlg-add-what = Des fichiers de message (.eml) ou des dossiers. Ils attendent dans la file jusqu’à l’envoi.
dlg-add-field = Fichier ou dossier
dlg-add-do = Ajouter
dlg-browse = Choisir…
dlg-save = Enregistrer le message
dlg-save-what = Le message entier, tel qu’il partirait.
dlg-save-field = Fichier
dlg-save-do = Enregistrer
dlg-no-chooser = Aucun sélecteur de fichiers n’a répondu. Tapez le chemin.
dlg-path-empty = Tapez un chemin
dlg-path-missing = Ce fichier ou dossier n’existe pas
dlg-path-exists = Un fichier de ce nom existe déjà
dlg-path-no-folder = Ce dossier n’existe pas
dlg-delete = { $n ->
    [one] Supprimer { $n } message ?
   *[other] Supprimer { $n } messages ?
}
dlg-delete-what = Ils disparaissent définitivement et personne n’est averti. Impossible de revenir en arrière.
dlg-delete-do = Supprimer définitivement
dlg-resend = { $n ->
    [one] Renvoyer { $n } message ?
   *[other] Renvoyer { $n } messages ?
}
dlg-resend-what = S’il est déjà arrivé, les destinataires le reçoivent deux fois.
dlg-resend-do = Renvoyer
dlg-help = Raccourcis
dlg-help-queue = Dans la file
dlg-help-everywhere = Partout
dlg-help-lists = Dans les listes
help-arrows = Flèches, Page préc., Page suiv., Début, Fin
help-arrows-do = Se déplacer ; avec Maj, étendre la sélection
dlg-quit = Quitter Mailsluice ?
dlg-quit-running = Du courrier est en route.
dlg-quit-to-send = { $n ->
    [one] { $n } message n’est pas encore parti. Il reste dans la file jusqu’au prochain démarrage.
   *[other] { $n } messages ne sont pas encore partis. Ils restent dans la file jusqu’au prochain démarrage.
}
dlg-quit-left = { $n ->
    [one] { $n } message n’a pas pu être envoyé. Il reste dans la file jusqu’au prochain démarrage.
   *[other] { $n } messages n’ont pas pu être envoyés. Ils restent dans la file jusqu’au prochain démarrage.
}
dlg-quit-no-tray = Ce bureau n’a pas de zone de notification. Sans sa fenêtre, Mailsluice se termine et n’envoie ni ne reçoit plus rien de lui-même.
dlg-quit-send = Envoyer, puis quitter
dlg-quit-finish = Terminer, puis quitter
dlg-quit-keep = Laisser en marche
dlg-quit-now = Quitter maintenant
dlg-settings = Réglages
set-language = Langue
set-language-system = Celle du système
set-colours = Couleurs
set-colours-system = Celles du bureau
set-colours-light = Claires
set-colours-dark = Sombres
set-colours-contrast = Contraste élevé
set-scale = Taille du texte
set-rows = Lignes
set-rows-comfortable = Aérées
set-rows-compact = Serrées
set-notify = Notifications
set-notify-needs-you = Ce qui vous attend
set-notify-received = Reçus
set-notify-sent = Envoyés
set-privacy = Elles montrent
set-privacy-all = Noms et nombres
set-privacy-numbers = Nombres, sans noms
set-privacy-nothing = Seulement qu’il y a du nouveau
set-closing = Fermée sans zone de notification
set-closing-ask = Demander
set-closing-quit = Quitter
set-closing-keep = Laisser en marche
set-autostart = Démarrage
set-autostart-do = Avec la session, dans la zone de notification

## First start
first-title = Toutes vos files de courrier, vidées quand vous le dites
first-demo = Essayer la démo
first-demo-what = Un serveur de courrier dans le programme : quatre transports, dont certains en difficulté. Rien de votre courrier n’est touché.
first-own = Configurer votre courrier
first-own-what = Un transport pour commencer. Il devient un fichier que vous pouvez lire et modifier.
first-name = Votre nom
first-address = Adresse
first-user = Utilisateur
first-outgoing = Serveur d’envoi
first-incoming = Courrier entrant
first-server = Serveur de réception
first-port = Port
first-security = Sécurité
first-tls = TLS
first-starttls = STARTTLS
first-none = Aucune
first-imap = IMAP
first-pop3 = POP3
first-nothing = Aucun, envoi seul
first-password = Mot de passe
first-ask = Me le demander une fois par session
first-keyring = Dans le trousseau du bureau
first-command = Par une commande
first-variable = Par une variable d’environnement
first-command-field = Commande
first-variable-field = Variable
first-command-hint = pass show mail/travail
first-create = Créer le profil
first-back = Retour
first-why-address = Saisissez une adresse comme ann@example.org
first-why-outgoing = Saisissez le nom du serveur d’envoi
first-why-incoming = Saisissez le nom du serveur de réception
first-why-port = Un port est un nombre de 1 à 65535
first-why-user = Saisissez l’utilisateur qui s’identifie
first-why-command = Saisissez la commande qui affiche le mot de passe
first-why-variable = Une variable : lettres, chiffres et tirets bas
first-warn-plain = Sans TLS, tout le monde sur le chemin peut lire courrier et mot de passe
starting = Ouverture du profil
failed-title = Le profil ne peut pas être ouvert
failed-do = Corrigez-le et relancez, ou essayez la démo.

## For screen readers
a11y-status-table = Tableau d’état
a11y-queue = File d’envoi
a11y-log = Journal
a11y-properties = Propriétés
a11y-row = { $name }, { $provider } : { $status }. { $counts }
a11y-count-to-send = { $n } à envoyer
a11y-count-deferred = { $n } différés
a11y-count-held = { $n } retenus
a11y-count-failed = { $n } échecs
a11y-count-waiting = { $n } en attente sur le serveur
