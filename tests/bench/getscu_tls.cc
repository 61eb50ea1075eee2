/* DCMTK's getscu over TLS, which Debian's program was built without: the same class of DCMTK
 * (DcmSCU), with its own TLS, the same proposal, and the options that make it fastest.
 *
 *     getscu_tls HOST PORT CALLED STUDY DIRECTORY CA-FILE [tuned]
 *
 * It retrieves a study. With "tuned" PDUs have 131072 bytes, and objects go straight to the disk.
 * TCP_NODELAY is what the environment says. */

#include <dcmtk/config/osconfig.h>

#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmtls/tlsscu.h>

#include <cstdio>
#include <cstdlib>

static void check(const OFCondition &condition, const char *what)
{
    if (condition.good())
        return;
    fprintf(stderr, "getscu_tls: %s: %s\n", what, condition.text());
    exit(1);
}

static void propose(DcmTLSSCU &scu)
{
    OFList<OFString> syntaxes;
    syntaxes.push_back(UID_LittleEndianExplicitTransferSyntax);
    syntaxes.push_back(UID_BigEndianExplicitTransferSyntax);
    syntaxes.push_back(UID_LittleEndianImplicitTransferSyntax);
    check(scu.addPresentationContext(UID_GETStudyRootQueryRetrieveInformationModel, syntaxes),
          "propose C-GET");
    for (int i = 0; i < numberOfDcmLongSCUStorageSOPClassUIDs; i++)
        check(
            scu.addPresentationContext(dcmLongSCUStorageSOPClassUIDs[i], syntaxes, ASC_SC_ROLE_SCP),
            "propose storage");
}

int main(int argc, char **argv)
{
    if (argc < 7) {
        fputs("usage: getscu_tls HOST PORT CALLED STUDY DIRECTORY CA-FILE [tuned]\n", stderr);
        return 1;
    }
    OFLog::configure(OFLogger::WARN_LOG_LEVEL); // as DCMTK's programs do
    DcmTLSSCU scu;
    scu.setAETitle("GETSCU");
    scu.setPeerHostName(argv[1]);
    scu.setPeerPort(static_cast<Uint16>(atoi(argv[2])));
    scu.setPeerAETitle(argv[3]);
    scu.setStorageDir(argv[5]);
    const bool tuned = argc > 7;
    scu.setMaxReceivePDULength(tuned ? 131072 : 16384);
    scu.setStorageMode(tuned ? DCMSCU_STORAGE_BIT_PRESERVING : DCMSCU_STORAGE_DISK);
    scu.addTrustedCertFile(argv[6]);
    scu.setPeerCertVerification(DCV_requireCertificate);
    propose(scu);
    check(scu.initNetwork(), "initialise");
    check(scu.negotiateAssociation(), "associate");

    DcmDataset query;
    query.putAndInsertString(DCM_QueryRetrieveLevel, "STUDY");
    query.putAndInsertString(DCM_StudyInstanceUID, argv[4]);
    OFList<RetrieveResponse *> responses;
    const T_ASC_PresentationContextID context =
        scu.findPresentationContextID(UID_GETStudyRootQueryRetrieveInformationModel, "");
    check(scu.sendCGETRequest(context, &query, &responses), "C-GET");
    scu.releaseAssociation();
    return 0;
}
